"""A contact as JSON: how it is sent to clients, and what they may send."""

from collections.abc import Callable
from dataclasses import dataclass

from resolvers import mastery
from resolvers.errors import FieldProblem, InvalidInput
from resolvers.mastery import States, is_editable
from resolvers.rules import ADDRESS_LENGTHS, Fields
from storage.documents import GALS, Document, utc
from storage.fields import FIELDS, PHONES

# The fields that only the service sets. Clients may send them back unchanged.
READ_ONLY = (
    "id",
    *(f"{name}E164" for name in PHONES),
    "source",
    "editable",
    "onPremises",
    "version",
    "createdAt",
    "updatedAt",
)
# The stored fields that `contact` needs.
STORED = (
    *dict.fromkeys(field.name.partition(".")[0] for field in FIELDS if field.kind != "flag"),
    *(f"{name}E164" for name in PHONES),
    "source",
    "gal",
    "onPremises",
    "version",
    "createdAt",
    "updatedAt",
)
# The defaults of a contact's JSON object, and the stored fields that it does not contain.
_DEFAULTS: Document = dict.fromkeys(("id", *STORED, "editable")) | {"aliases": ()}
_NO_ADDRESS: Document = dict.fromkeys(ADDRESS_LENGTHS)
_INTERNAL = ("_id", "groupIds", "keys")


def contact(document: Document, states: States) -> Document:
    """The JSON object of a stored contact. `states` are those of the synchronized domains."""
    shown = _DEFAULTS | document
    for name in _INTERNAL:
        shown.pop(name, None)
    shown["id"] = document["_id"]
    shown["editable"] = is_editable(document)
    shown["createdAt"] = utc(document["createdAt"])
    shown["updatedAt"] = utc(document["updatedAt"])
    if address := document.get("address"):
        shown["address"] = _NO_ADDRESS | address
    if on_premises := document.get("onPremises"):
        shown["onPremises"] = _on_premises(on_premises, states)
    return shown


def _on_premises(identity: Document, states: States) -> Document:
    following = mastery.next_sync_at(identity, states)
    return {
        "objectGuid": identity["objectGuid"],
        "distinguishedName": identity["distinguishedName"],
        "domain": identity["domain"],
        "lastSyncAt": utc(mastery.last_sync_at(identity, states)),
        "nextSyncAt": following and utc(following),
    }


@dataclass(frozen=True, slots=True)
class Input:
    """A parsed body: the fields for `resolvers.rules`, and the version it is based on, None if it contains none."""

    fields: Fields
    version: int | None


def accept(sent: Fields, current: Document, check: Callable[[Fields], object]) -> Input:
    """Parse a body. `current` is the contact's current JSON object, empty for a new one.

    Raises `InvalidInput` for read-only fields with other values than the current ones and for an invalid `gal`, along
    with the problems that `check`, a rule, finds in the other fields.
    """
    altered = [name for name in READ_ONLY if name in sent and sent[name] != current.get(name)]
    problems = [_read_only(name, current) for name in altered]
    fields = {name: value for name, value in sent.items() if name not in READ_ONLY and name != "gal"}
    if "gal" in sent:
        problems += _take_gal(fields, sent["gal"])
    # The resolver refuses any change of a synced contact.
    if problems and current.get("editable", True):
        try:
            check(fields)
        except InvalidInput as more:
            problems += more.fields
        raise InvalidInput(problems)
    return Input(fields, current.get("version") if "version" in sent else None)


def _read_only(name: str, current: Document) -> FieldProblem:
    value = f"is {current[name]!r} and" if isinstance(current.get(name), str | int) else "is set by the service and"
    return FieldProblem(name, "READ_ONLY", f"{name} {value} cannot be changed. Omit it.")


def _take_gal(fields: Document, gal: object) -> list[FieldProblem]:
    """Replace `gal` with `showInGal`. Null stands for the default, VISIBLE."""
    if gal is not None and gal not in GALS:
        message = f"gal must be {' or '.join(sorted(GALS))}."
        return [FieldProblem("gal", "SYNTAX" if isinstance(gal, str) else "WRONG_TYPE", message)]
    shown = gal != "HIDDEN"
    if fields.setdefault("showInGal", shown) not in (shown, None if shown else shown):
        return [FieldProblem("gal", "DUPLICATE", "gal and showInGal contradict each other. Send only one of them.")]
    return []
