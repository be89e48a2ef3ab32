"""How values are written to CSV cells and read from them.

A cell that a spreadsheet would run as a formula (`=`, `+`, `-`, `@`, tab or CR first) is prefixed with an apostrophe.
The same applies to a cell with apostrophes before such a character, and to the marker `[clear]`, so that reading always
returns the value that was written.
"""

import re
from itertools import islice

from resolvers.rules import MAX_ALIASES

CLEAR = "[clear]"
"""A cell that clears its field. A blank cell leaves the field unchanged."""

_RUNNABLE = re.compile(r"'*(?:[=+\-@\t\r]|\[clear\]$)", re.IGNORECASE)
_FIRST = frozenset("'=+-@\t\r[")
_TRUE = frozenset({"true", "yes", "1", "y", "visible", "wahr", "ja", "oui", "sí", "si", "vrai", "verdadero"})
_FALSE = frozenset({"false", "no", "0", "n", "hidden", "falsch", "nein", "non", "faux", "falso"})
MOST_ADDRESSES = MAX_ALIASES + 1
"""The number of addresses read from a cell: one more than allowed, so that too many are an error."""
_MOST_ENTRIES = 1_000
_ADDRESS = re.compile(r"[^;,\s]+")
_OTHER_KINDS = ("x500:", "x400:", "sip:", "eum:", "spo:")
_PROXY_SEPARATORS = re.compile(r"[;,]\s*|\s+(?=\w+:)")
_KIND = re.compile(r"\w+:")
# PowerShell writes the name of the type instead of the contents of a list.
_TYPE_NAME = re.compile(r"\s*(?:System|Microsoft|Deserialized)\.[\w.`+\[\], ]+\s*")


def escape(value: str) -> str:
    """The cell for this value."""
    return "'" + value if value[:1] in _FIRST and _RUNNABLE.match(value) else value


def unescape(cell: str) -> str | None:
    """The value of a cell. None for the marker `[clear]`."""
    if cell[:1] == "'":
        return cell[1:] if _RUNNABLE.match(cell) else cell
    return None if cell[:1] == "[" and cell.strip().lower() == CLEAR else cell


def flag(text: str) -> bool | None:
    """The value of a yes-or-no cell. None if it is neither."""
    word = text.strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def address(text: str) -> str:
    """An email address without the prefix that Exchange writes (`SMTP:ana@acme.example`)."""
    found = text.strip()
    return found.partition(":")[2] if found[:5].lower() == "smtp:" else found


def first_address(text: str) -> tuple[str, str]:
    """The first of several addresses that Google joins with `:::`, and the rest of the cell."""
    first, _, others = text.partition(":::")
    return address(first), others


def addresses(text: str) -> list[str]:
    """The email addresses in a cell, at most `MOST_ADDRESSES`, without other kinds of addresses (`SIP:`)."""
    pieces = (address(found[0]) for found in islice(_ADDRESS.finditer(text.replace(":::", " ")), _MOST_ENTRIES))
    return list(islice((piece for piece in pieces if not piece.lower().startswith(_OTHER_KINDS)), MOST_ADDRESSES))


def proxy_addresses(text: str) -> list[str]:
    """The same for a list in which Exchange writes the kind before each address. Other kinds may contain spaces."""
    pieces = map(address, _PROXY_SEPARATORS.split(text, maxsplit=_MOST_ENTRIES)[:_MOST_ENTRIES])
    return list(islice((piece for piece in pieces if "@" in piece and not _KIND.match(piece)), MOST_ADDRESSES))


def is_type_name(cell: str) -> bool:
    """Whether a cell contains the name of a type (`System.Collections.ArrayList`) instead of a list."""
    return _TYPE_NAME.fullmatch(cell) is not None


def names(text: str) -> list[str]:
    """The names in a cell, which are separated by semicolons."""
    return [name for piece in text.split(";", _MOST_ENTRIES) if (name := piece.strip())]
