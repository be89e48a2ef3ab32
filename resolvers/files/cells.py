"""How values are written into CSV cells and read from them.

A cell that a spreadsheet would run as a formula (`=`, `+`, `-`, `@`, tab or CR first) gets an apostrophe in front.
So does one that already has apostrophes before such a character, and one that is the marker `[clear]`: whatever the
value, reading gives back what was written.
"""

import re
from itertools import islice

from resolvers.rules import MAX_ALIASES

CLEAR = "[clear]"
"""A cell that empties its field, since a blank cell leaves it as it is."""

_RUNNABLE = re.compile(r"'*(?:[=+\-@\t\r]|\[clear\]$)", re.IGNORECASE)
_FIRST = frozenset("'=+-@\t\r[")
_TRUE = frozenset({"true", "yes", "1", "y", "visible", "wahr", "ja", "oui", "sí", "si", "vrai", "verdadero"})
_FALSE = frozenset({"false", "no", "0", "n", "hidden", "falsch", "nein", "non", "faux", "falso"})
MOST_ADDRESSES = MAX_ALIASES + 1
"""So many addresses of a cell are read: one more than a contact may have, which is enough to refuse it."""
_MOST_ENTRIES = 1_000
_ADDRESS = re.compile(r"[^;,\s]+")
_OTHER_KINDS = ("x500:", "x400:", "sip:", "eum:", "spo:")
_PROXY_SEPARATORS = re.compile(r"[;,]\s*|\s+(?=\w+:)")
_KIND = re.compile(r"\w+:")
# What PowerShell writes for a list that it does not spell out.
_TYPE_NAME = re.compile(r"\s*(?:System|Microsoft|Deserialized)\.[\w.`+\[\], ]+\s*")


def escape(value: str) -> str:
    """The cell that holds this value."""
    return "'" + value if value[:1] in _FIRST and _RUNNABLE.match(value) else value


def unescape(cell: str) -> str | None:
    """The value that a cell holds; None for the marker that clears."""
    if cell[:1] == "'":
        return cell[1:] if _RUNNABLE.match(cell) else cell
    return None if cell[:1] == "[" and cell.strip().lower() == CLEAR else cell


def flag(text: str) -> bool | None:
    """What a yes-or-no cell says; None if it says neither."""
    word = text.strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def address(text: str) -> str:
    """An e-mail address without what Exchange writes before it (`SMTP:ana@acme.example`)."""
    found = text.strip()
    return found.partition(":")[2] if found[:5].lower() == "smtp:" else found


def first_address(text: str) -> tuple[str, str]:
    """The first of the addresses that Google joins with `:::`, and the rest of the cell."""
    first, _, others = text.partition(":::")
    return address(first), others


def addresses(text: str) -> list[str]:
    """The e-mail addresses of a cell, the first `MOST_ADDRESSES` of them, without those of other kinds (`SIP:`)."""
    pieces = (address(found[0]) for found in islice(_ADDRESS.finditer(text.replace(":::", " ")), _MOST_ENTRIES))
    return list(islice((piece for piece in pieces if not piece.lower().startswith(_OTHER_KINDS)), MOST_ADDRESSES))


def proxy_addresses(text: str) -> list[str]:
    """Likewise those that Exchange lists with their kinds; entries of other kinds may have blanks in them."""
    pieces = map(address, _PROXY_SEPARATORS.split(text, maxsplit=_MOST_ENTRIES)[:_MOST_ENTRIES])
    return list(islice((piece for piece in pieces if "@" in piece and not _KIND.match(piece)), MOST_ADDRESSES))


def is_type_name(cell: str) -> bool:
    """Whether a cell is the name of a type (`System.Collections.ArrayList`) in place of what is in the list."""
    return _TYPE_NAME.fullmatch(cell) is not None


def names(text: str) -> list[str]:
    """The names of a cell that are separated by semicolons."""
    return [name for piece in text.split(";", _MOST_ENTRIES) if (name := piece.strip())]
