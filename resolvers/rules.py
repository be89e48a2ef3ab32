"""The rules of the domain: the valid values of a contact's and a group's fields. Pure functions, no database.

Input is a mapping of GraphQL field names to plain values, whatever the channel. An absent field stays unchanged; null
or a blank value clears it.
"""

import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import phonenumbers
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from resolvers.errors import FieldProblem, InvalidInput
from resolvers.syntax import is_plain_address, plain_e164
from storage import fields as stored_fields
from storage.documents import Document
from storage.keys import address_key

# Only the syntax of addresses counts: partners have domains such as corp.local, which internal mail can reach.
SPECIAL_USE_DOMAIN_NAMES.clear()

# Maximum lengths in characters. Those of the postal address are Active Directory's (rangeUpper of the attributes).
LENGTHS = {field.name: field.limit for field in stored_fields.TEXTS}
ADDRESS_LENGTHS = {field.part: field.limit for field in stored_fields.ADDRESS_PARTS}
GROUP_LENGTHS = {"displayName": 256, "description": 1024}
REQUIRED = tuple(field.name for field in stored_fields.FIELDS if field.required)
MAX_ALIASES = stored_fields.BY_NAME["aliases"].limit
MAX_ADDRESS = stored_fields.BY_NAME["emailAddress"].limit
MAX_ID = stored_fields.BY_NAME["managerId"].limit
# Text fields that may contain line breaks.
_MULTILINE = frozenset({*(field.name for field in stored_fields.FIELDS if field.multiline), "description"})
FIELDS = frozenset(field.name.partition(".")[0] for field in stored_fields.FIELDS)
GROUP_FIELDS = frozenset({*GROUP_LENGTHS, "emailAddress"})

Fields = Mapping[str, Any]  # values from a client, checked here before they are used


class _Checker:
    """Collects the cleaned values and all the problems of one input."""

    def __init__(self) -> None:
        self.values: Document = {}
        self.problems: list[FieldProblem] = []

    def refuse(self, field: str, code: str, message: str) -> None:
        self.problems.append(FieldProblem(field, code, message))

    def text(self, field: str, value: object, limit: int) -> str | None:
        """The trimmed text. None if it is blank or invalid."""
        if value is None:
            return None
        if not isinstance(value, str):
            self.refuse(field, "WRONG_TYPE", f"{field} must be a string, not {_kind(value)}.")
            return None
        text = value.strip()
        if len(text) > limit:
            self.refuse(field, "TOO_LONG", f"{field} has {len(text):,} characters. Shorten it to {limit:,} or fewer.")
        elif not text.isprintable() and (char := _unprintable(text, field in _MULTILINE)):
            self.refuse(field, "SYNTAX", f"{field} contains the control character U+{ord(char):04X}. Remove it.")
        else:
            return text or None
        return None

    def address(self, field: str, value: object) -> str | None:
        """The email address as entered (RFC 5321, RFC 6531). None if it is blank or invalid."""
        text = self.text(field, value, MAX_ADDRESS)
        if text is None:
            return None
        if is_plain_address(text):
            return text
        try:
            validate_email(text, check_deliverability=False, globally_deliverable=False)
        except EmailNotValidError as error:
            self.refuse(field, "SYNTAX", f"{field}: {text!r} is not a valid email address. {error}")
            return None
        return text

    def done(self) -> Document:
        """The cleaned values. Raises `InvalidInput` if there were any problems."""
        if self.problems:
            raise InvalidInput(self.problems)
        return self.values


def new_contact(fields: Fields, default_region: str = "", required: Collection[str] = REQUIRED) -> Document:
    """The fields of a new contact as stored, without empty ones. Raises `InvalidInput`."""
    return _contact({}, {**dict.fromkeys(required), **fields}, default_region, required)


def changed_contact(before: Document, fields: Fields, default_region: str = "") -> Document:
    """A contact with these fields changed, as stored. Raises `InvalidInput`."""
    required = [name for name in REQUIRED if name in before]
    return _contact(before, fields, default_region, required)


def new_group(fields: Fields) -> Document:
    """The fields of a new group as stored. Raises `InvalidInput`."""
    return changed_group({}, {"displayName": None, "emailAddress": None, **fields})


def changed_group(before: Document, fields: Fields) -> Document:
    """A group with these fields changed, as stored. Raises `InvalidInput`."""
    check = _Checker()
    _refuse_unknown(check, fields, GROUP_FIELDS)
    for name in GROUP_LENGTHS.keys() & fields.keys():
        check.values[name] = check.text(name, fields[name], GROUP_LENGTHS[name])
    if "emailAddress" in fields:
        check.values["emailAddress"] = check.address("emailAddress", fields["emailAddress"])
    _require(check, ("displayName", "emailAddress"))
    return _merged(before, check.done())


def e164(number: str, region: str = "") -> str | None:
    """The phone number in E.164 form, None if unknown: it must start with +, or follow the region's dialing rules."""
    if (plain := plain_e164(number)) is not None:
        return plain
    try:
        parsed = phonenumbers.parse(number, region or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def with_e164(contact: Document, default_region: str = "") -> Document:
    """A contact as stored, with the E.164 forms of its phone numbers."""
    complete = dict(contact)
    _phones(_Checker(), complete, {}, default_region)
    return complete


def manager_cycle(above: Mapping[str, str | None], starts: Sequence[str]) -> list[str] | None:
    """The first cycle found in the chains of managers above these contacts, as IDs. None if there is none."""
    ending: set[str] = set()  # contacts without a cycle above them
    for start in starts:
        manager = above.get(start)
        if manager is None or above.get(manager) is None:
            continue  # most chains are this short
        chain: dict[str, None] = {}
        current: str | None = start
        while current is not None and current not in ending:
            if current in chain:
                ids = list(chain)
                return [*ids[ids.index(current) :], current]
            chain[current] = None
            current = above.get(current)
        ending |= chain.keys()
    return None


def _contact(before: Document, fields: Fields, default_region: str, required: Collection[str]) -> Document:
    check = _Checker()
    _refuse_unknown(check, fields, FIELDS)
    for name, value in fields.items():
        if name in LENGTHS:
            check.values[name] = check.text(name, value, LENGTHS[name])
        elif name in _SPECIAL:
            _SPECIAL[name](check, value)
    _require(check, required)
    merged = _merged(before, check.done())
    if fields.get("address") is not None:
        merged["address"] = _merged(before.get("address", {}), merged["address"])
    if not merged.get("address"):
        merged.pop("address", None)
    _unique_aliases(merged)
    _phones(check, merged, fields, default_region)
    check.done()
    return merged


def _merged(before: Document, values: Document) -> Document:
    """The document with these values. Values that are None are removed."""
    return {name: value for name, value in {**before, **values}.items() if value is not None}


def _refuse_unknown(check: _Checker, fields: Fields, known: Collection[str]) -> None:
    for name in sorted(fields.keys() - set(known)):
        check.refuse(name, "UNKNOWN_FIELD", f"There is no field {name!r}. Remove it or correct its name.")


def _require(check: _Checker, names: Collection[str]) -> None:
    refused = {problem.field for problem in check.problems}
    for name in names:
        if name in check.values and check.values[name] is None and name not in refused:
            check.refuse(name, "REQUIRED", f"{name} is required. Give it a value.")


def _email_address(check: _Checker, value: object) -> None:
    check.values["emailAddress"] = check.address("emailAddress", value)


def _aliases(check: _Checker, value: object) -> None:
    if value is None:
        check.values["aliases"] = None
    elif not isinstance(value, list | tuple):
        check.refuse("aliases", "WRONG_TYPE", f"aliases must be a list of email addresses, not {_kind(value)}.")
    elif len(value) > MAX_ALIASES:
        check.refuse("aliases", "TOO_MANY", f"There are more than {MAX_ALIASES} aliases. Remove some.")
    else:
        found = [check.address(f"aliases[{index}]", alias) for index, alias in enumerate(value)]
        check.values["aliases"] = [alias for alias in found if alias] or None


def _unique_aliases(contact: Document) -> None:
    """Remove aliases that repeat the primary address or each other, and the whole field if none is left."""
    seen = {address_key(contact["emailAddress"])}
    kept = []
    for alias in contact.get("aliases", ()):
        if (compared := address_key(alias)) not in seen:
            seen.add(compared)
            kept.append(alias)
    contact.pop("aliases", None)
    if kept:
        contact["aliases"] = kept


def _postal_address(check: _Checker, value: object) -> None:
    if value is None:
        check.values["address"] = None
        return
    if not isinstance(value, Mapping):
        check.refuse("address", "WRONG_TYPE", f"address must be an object, not {_kind(value)}.")
        return
    for name in sorted(value.keys() - ADDRESS_LENGTHS.keys()):
        message = f"There is no field {name!r} in an address. Remove it or correct its name."
        check.refuse(f"address.{name}", "UNKNOWN_FIELD", message)
    found = {
        name: check.text(f"address.{name}", value[name], limit)
        for name, limit in ADDRESS_LENGTHS.items()
        if name in value
    }
    check.values["address"] = found


def _manager_id(check: _Checker, value: object) -> None:
    check.values["managerId"] = check.text("managerId", value, MAX_ID)


def _show_in_gal(check: _Checker, value: object) -> None:
    if value is None or isinstance(value, bool):
        check.values["gal"] = "HIDDEN" if value is False else "VISIBLE"
    else:
        check.refuse("showInGal", "WRONG_TYPE", f"showInGal must be true or false, not {_kind(value)}.")


_SPECIAL: dict[str, Callable[[_Checker, object], None]] = {
    "emailAddress": _email_address,
    "aliases": _aliases,
    "address": _postal_address,
    "managerId": _manager_id,
    "showInGal": _show_in_gal,
}


def _phones(check: _Checker, contact: Document, fields: Fields, default_region: str) -> None:
    """Set the E.164 form of each number. The contact's country applies if the number has no country code."""
    region = _region(contact) or default_region
    for name in stored_fields.PHONES:
        number = contact.get(name)
        if number and name in fields and not any(char.isdigit() for char in number):
            check.refuse(name, "SYNTAX", f"{name}: {number!r} has no digits. Give a phone number or omit the field.")
        elif number and (form := e164(number, region)):
            contact[f"{name}E164"] = form
        else:
            contact.pop(f"{name}E164", None)


def _region(contact: Document) -> str:
    """The ISO 3166 code of the contact's country. Empty if the country isn't given as a code."""
    country = contact.get("address", {}).get("country", "")
    return country.upper() if country.upper() in phonenumbers.SUPPORTED_REGIONS else ""


def _unprintable(text: str, multiline: bool) -> str | None:
    """The first control character or lone surrogate, None if there is none. `multiline` allows line breaks and tabs."""
    return next(_controls(text, "\r\n\t" if multiline else ""), None)


def _controls(text: str, allowed: str) -> Iterator[str]:
    return (char for char in text if unicodedata.category(char) in ("Cc", "Cs") and char not in allowed)


def _kind(value: object) -> str:
    """The type of a value from a client, in words of JSON."""
    match value:
        case None:
            return "null"
        case bool():
            return "a Boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list() | tuple():
            return "a list"
        case _:
            return "an object"
