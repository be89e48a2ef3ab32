"""The keys derived from a contact, for sorting, filtering and searching.

Each document has them under `keys`, written with every change:

- `name`, `emailAddress`, `company`, `updated`: one string per ordering, unique per contact (the folded value, a NUL,
  the ID), so that a page is a range on one field. `createdAt` needs none, because IDs are time-ordered.
- `facets`: `"company:acme"`, `"domain:acme.example"`, …: the values of equality filters, in one multikey index.
- `words`: the words that a search finds a contact by: folded words, addresses, domains and phone digits.
- `prefixes`: prefixes of the words that begin with a letter, in an index that continues by name. A search for a word
  that a third of all contacts have is therefore a range of one index, like any other list. Digits have no prefixes:
  numbers are spread evenly over the names, so a walk through the names finds frequent ones soon.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import idna
from anyascii import anyascii
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from storage.documents import Document
from storage.fields import FACETS, PHONES, SEARCHED_TEXTS

# The fields that lists can be filtered by: the facet's name, the parent (if part of an object), and the field's name.
_FACETS = tuple((field.part, *field.name.rpartition(".")[::2]) for field in FACETS)
_PIECES = re.compile(r"[^\W_]+")
# A phone number stands alone: digits within an address or a word are part of that.
_NUMBER = re.compile(r"(?<![^\s,;])\+?\(?\d[\d\s().\-/]{3,}\d")
_PHONE = re.compile(_NUMBER.pattern + r"(?![^\s,;])")
_PUNCTUATION = "'\"`´’‘“”.,;:!?()[]{}<>|/\\-_+*#&"
_MAX_WORD = 64
# The lengths of indexed prefixes, enough to distinguish names. A search for six letters uses the prefix of five.
_LENGTHS = (1, 2, 3, 4, 5, 8)


class _Latin(dict[int, str]):
    """Maps each character to its unaccented lower-case form, cached on first use. Combining marks are removed."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if unicodedata.combining(char):
            plain = ""
        elif "LATIN" in unicodedata.name(char, ""):
            plain = anyascii(char).lower()
        else:
            plain = char
        self[code] = plain
        return plain


_latin = _Latin()


def fold(text: str | None) -> str:
    """The text in the form that is compared: lower case, no accents, single spaces (`"Ángel  Søn"` → `"angel son"`)."""
    if not text:
        return ""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.casefold()).translate(_latin)
    return " ".join(text.lower().split())


def address_key(address: str) -> str:
    """An email address in the form that is compared: NFC, case-folded, with the domain in ASCII (RFC 5891)."""
    if address.isascii():
        return address.lower()
    local, _, domain = unicodedata.normalize("NFC", address).rpartition("@")
    return f"{local.casefold()}@{domain_key(domain)}"


def domain_key(domain: str) -> str:
    """A domain in the form that is compared: in ASCII (`"MÜNCHEN.example"` → `"xn--mnchen-3ya.example"`)."""
    try:
        return domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode().lower()
    except idna.IDNAError:
        return domain.lower()


def addresses(document: Mapping[str, Any]) -> list[str]:
    """All addresses of a contact or group, normalized with `address_key`, the primary one first."""
    return [address_key(each) for each in (document["emailAddress"], *document.get("aliases", ()))]


def keys(contact: Document) -> Document:
    """The `keys` of a contact document."""
    identifier = contact["_id"]
    found = addresses(contact)
    words = contact_words(contact, found)
    return {
        "name": sort_key(contact["displayName"], identifier),
        "emailAddress": found[0],
        "company": sort_key(contact.get("company"), identifier),
        "updated": updated_key(contact["updatedAt"], identifier),
        "facets": list(_facets(contact, found)),
        "words": words,
        "prefixes": prefixes(words),
    }


def sort_key(text: str | None, identifier: str) -> str:
    """A string that sorts by the folded text, then by the ID."""
    return f"{fold(text)}\0{identifier}"


def updated_key(moment: datetime, identifier: str = "") -> str:
    """A string that sorts by the time (milliseconds since 1970, in hexadecimal), then by the ID."""
    return f"{int(moment.timestamp() * 1000 + 0.5):012x}{identifier}"


def facet(name: str, value: str) -> str:
    """The value that an equality filter looks for, for a facet in `storage.fields` or for `domain`."""
    return f"{name}:{fold(value)}"


def _facets(contact: Document, found: Iterable[str]) -> Iterator[str]:
    for part, parent, name in _FACETS:
        if value := (contact.get(parent, {}) if parent else contact).get(name):
            yield facet(part, value)
    for domain in sorted({each.rpartition("@")[2] for each in found}):
        yield f"domain:{domain}"


def contact_words(contact: Document, found: list[str]) -> list[str]:
    """The words of a contact. A search matches the beginnings of words."""
    words: set[str] = set()
    for name in SEARCHED_TEXTS:
        if value := contact.get(name):
            words.update(_text_words(value))
    for address in found:
        words.update(_address_words(address))
    for name in PHONES:
        if value := contact.get(name):
            words.update(_digits(value))
            words.update(_phone_words(contact.get(f"{name}E164", "")))
    return _sorted(words)


def prefixes(words: Iterable[str]) -> list[str]:
    """The indexed prefixes of these words. Words with punctuation need none, because their parts are words, too."""
    plain = [word for word in words if word.isalnum() and word[0].isalpha()]
    return sorted({word[:length] for word in plain for length in _LENGTHS})


def indexed(term: str) -> str | None:
    """The longest indexed prefix of this term, which all contacts that match the term have. None if there is none."""
    piece = _PIECES.match(term)
    if piece is None or not term[0].isalpha():
        return None
    return term[: max(length for length in _LENGTHS if length <= piece.end())]


def group_words(display_name: str, address: str) -> list[str]:
    """The words of a group. A search matches the beginnings of words."""
    return _sorted({*_text_words(display_name), *_address_words(address), *_PIECES.findall(address)})


def search_terms(text: str) -> list[str]:
    """The terms of a search text. Each must be the beginning of a word. Empty for a blank text.

    A sequence of digits and phone punctuation is one term (`"+44 (20) 79"` → `"442079"`). Other punctuation is ignored
    unless there is nothing else.
    """
    terms = [digits for run in _PHONE.findall(text) for digits in _digits(run)]
    chunks = fold(_PHONE.sub(" ", text)).split()
    terms += filter(None, map(_bare, chunks))
    return list(dict.fromkeys(term[:_MAX_WORD] for term in terms or chunks))


def _bare(chunk: str) -> str:
    """A chunk without surrounding punctuation."""
    return chunk.strip(_PUNCTUATION).lstrip(f"@{_PUNCTUATION}")


def _text_words(text: str) -> Iterator[str]:
    """The words between spaces, their parts (`o'brien` → o'brien, o, brien), and the digits of phone numbers."""
    for chunk in fold(text).split():
        word = _bare(chunk)
        yield word
        if not chunk[0].isalnum():  # for a search that contains only punctuation
            yield chunk
        if not word.isalnum():
            yield from _PIECES.findall(word)
    # Whatever a search takes for a phone number: several chunks or a single one.
    for number in (*_NUMBER.findall(text), *filter(_NUMBER.fullmatch, text.split())):
        yield from _digits(number)


def _address_words(address: str) -> Iterator[str]:
    """The address in the form that is compared, its domain, its parts, and all of this with a Unicode domain."""
    local, _, domain = address.rpartition("@")
    folded = fold(local)
    yield from (address, domain, *_PIECES.findall(folded), *_PIECES.findall(domain)[:1])
    if "xn--" in domain or not address.isascii():
        shown = fold(_shown_domain(domain))
        yield from (f"{folded}@{shown}", shown, *_PIECES.findall(shown)[:1])


def _shown_domain(domain: str) -> str:
    try:
        return idna.decode(domain)
    except idna.IDNAError:
        return domain


def _sorted(words: Iterable[str]) -> list[str]:
    return sorted({word[:_MAX_WORD] for word in words if word})


def _phone_words(e164: str) -> Iterator[str]:
    """The digits of an E.164 number, and the number as dialed within its country: `+4930…` → `4930…`, `030…`."""
    digits = e164.removeprefix("+")
    if not digits:
        return
    yield digits
    for length in (1, 2, 3):
        if int(digits[:length]) in COUNTRY_CODE_TO_REGION_CODE:
            yield f"{_trunk_prefix(int(digits[:length]))}{digits[length:]}"
            break


@cache
def _trunk_prefix(country_code: int) -> str:
    """The prefix dialed before a number within its country, such as 0."""
    if country_code == 1:  # in North America it is only used for long-distance calls
        return ""
    metadata = PhoneMetadata.metadata_for_region(COUNTRY_CODE_TO_REGION_CODE[country_code][0], None)
    return str(metadata.national_prefix or "") if metadata else ""


def _digits(phone: str) -> Iterator[str]:
    digits = "".join(char for char in phone if char.isascii() and char.isdigit())
    if digits:
        yield digits.removeprefix("00")
