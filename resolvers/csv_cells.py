"""How values are written into CSV cells and read from them.

A cell that a spreadsheet would run as a formula (`=`, `+`, `-`, `@`, tab or CR first) gets an apostrophe in front.
So does one that already has apostrophes before such a character, and one that is the marker `[clear]`: whatever the
value, reading gives back what was written.
"""

import re

CLEAR = "[clear]"
"""A cell that empties its field, since a blank cell leaves it as it is."""

_RUNNABLE = re.compile(r"'*(?:[=+\-@\t\r]|\[clear\]$)", re.IGNORECASE)
_FIRST = frozenset("'=+-@\t\r[")
_TRUE = frozenset({"true", "yes", "1", "y", "visible", "wahr", "ja", "oui", "sí", "si", "vrai", "verdadero"})
_FALSE = frozenset({"false", "no", "0", "n", "hidden", "falsch", "nein", "non", "faux", "falso"})
_ADDRESS_SEPARATORS = re.compile(r"[;,\s]+")
_OTHER_KINDS = ("x500:", "x400:", "sip:", "eum:", "spo:")


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


def addresses(text: str) -> list[str]:
    """The e-mail addresses of a cell. Addresses of other kinds (`X500:`, `SIP:`) are left out."""
    pieces = [address(piece) for piece in _ADDRESS_SEPARATORS.split(text) if piece]
    return [piece for piece in pieces if not piece.lower().startswith(_OTHER_KINDS)]


def names(text: str) -> list[str]:
    """The names of a cell that are separated by semicolons."""
    return [name for piece in text.split(";") if (name := piece.strip())]
