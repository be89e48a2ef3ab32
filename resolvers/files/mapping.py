"""Turns a record of a contact file into a row of an import."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from resolvers import rules
from resolvers.files import cells as csv_cells
from resolvers.files.columns import FAILURE_COLUMNS, Columns
from resolvers.files.records import Record
from resolvers.files.rows import ImportRow, RowProblem, compared, looked_up
from resolvers.files.text import is_broken

_ADDRESSES = {
    "aliases": csv_cells.addresses,
    "proxyAddresses": csv_cells.proxy_addresses,
    "secondAddress": csv_cells.addresses,
    "thirdAddress": csv_cells.addresses,
}
_DOUBTFUL = frozenset({"managerName", "proxyAddresses"})
_MOBILE = ("mobile", "mobil", "cell", "handy", "móvil", "portable")
_PRIVATE = ("home", "fax", "pager")


def is_filled(cells: Sequence[str]) -> bool:
    """Whether a record has any cell that isn't blank."""
    whole = "".join(cells)
    return bool(whole) and not whole.isspace()


def addresses(cells: Sequence[str], columns: Columns) -> Sequence[str]:
    """The same addresses as in the record's `ImportRow`, but read faster, because nothing else is."""
    width, found = len(cells), list[str]()
    for name, read in _ADDRESSES.items():
        if (place := columns.places.get(name)) is not None and place < width and (cell := cells[place]):
            found += read(csv_cells.unescape(cell) or "")
    place = columns.places.get("emailAddress", width)
    own, others = csv_cells.first_address(csv_cells.unescape(cells[place]) or "" if place < width else "")
    if others:
        found += csv_cells.addresses(others)
    return looked_up(compared(own, found))


def passed_over(cells: Sequence[str], columns: Columns) -> Iterator[int]:
    """The places of cells that are ignored, because other programs write something else than addresses there."""
    for name in _DOUBTFUL & columns.places.keys():
        place = columns.places[name]
        if place < len(cells) and _is_passed_over(name, cells[place]):
            yield place


def row_reader(columns: Columns) -> Callable[[int, Record], ImportRow]:
    """A function that reads records of a file with these columns, given their numbers."""
    texts = [(place, name) for name, place in columns.places.items() if name in rules.LENGTHS or name == "emailAddress"]
    postal = [(place, name.partition(".")[2]) for name, place in columns.places.items() if name.startswith("address.")]
    special = [(name, place) for name, place in columns.places.items() if name in _SPECIAL]
    phones = [n for n in "123" if f"phone{n}" in columns.places]
    read_places = [place for name, place in columns.places.items() if name not in FAILURE_COLUMNS]
    width = len(columns.header)

    def read(number: int, record: Record) -> ImportRow:
        line, cells = record
        fields: dict[str, object] = {}
        row = ImportRow(number, line, fields, cells=cells)
        if len(cells) != width:
            cells = _fitted(row, cells, width)
        for place, name in texts:
            if (cell := cells[place]) and not cell.isspace():
                fields[name] = csv_cells.unescape(cell) if cell[0] in "'[" else cell
        address = {name: csv_cells.unescape(cells[place]) for place, name in postal if cells[place].strip()}
        if address:
            fields["address"] = address
        for name, place in special:
            if (cell := cells[place]).strip():
                _SPECIAL[name](row, csv_cells.unescape(cell), columns)
        for n in phones:
            _phone(row, cells, columns, n)
        _finish(row, columns)
        if not "".join(cells).isascii():
            _refuse_broken(row, read_places, columns)
        return row

    return read


def _finish(row: ImportRow, columns: Columns) -> None:
    """Set the fields that depend on others."""
    fields = row.fields
    if given := fields.get("emailAddress"):
        fields["emailAddress"], others = csv_cells.first_address(given)
        if others:
            fields["aliases"] = [*(fields.get("aliases") or ()), *csv_cells.addresses(others)]
    if columns.derives_display_name and (shown := fields.get("displayName")):
        _strip_address(fields, shown)
    if columns.derives_display_name and "displayName" not in fields:
        names = (fields.get(name) for name in ("firstName", "lastName"))
        row.derived["displayName"] = " ".join(name.strip() for name in names if name)
    if columns.derives_names:
        row.derived |= _names(fields.get("displayName") or "")


def _strip_address(fields: dict[str, Any], shown: str) -> None:
    """Remove the address that Outlook appends to a display name (`Ana García (ana@acme.example)`)."""
    if (address := fields.get("emailAddress")) and shown.lower().endswith(f"({address.lower()})"):
        fields["displayName"] = shown[: -len(address) - 2].strip()
        if not fields["displayName"]:
            del fields["displayName"]


def _refuse_broken(row: ImportRow, read: Sequence[int], columns: Columns) -> None:
    """Add a problem if a cell in a column that is read contains invalid characters."""
    broken = next((place for place in read if is_broken(row.cells[place])), None)
    if broken is not None:
        message = (
            "The cell contains bytes that are invalid in the file's encoding, or the replacement character \ufffd. "
            "Correct the cell, or save the file as UTF-8."
        )
        row.problems.append(RowProblem(columns.header[broken], "ENCODING", message, row.cells[broken]))


def _fitted(row: ImportRow, cells: list[str], width: int) -> list[str]:
    """The cells, as many as in the header. Additional cells must be blank."""
    if any(map(str.strip, cells[width:])):
        message = (
            f"The row has {len(cells):,} cells, but the header has {width:,}. Quote cells that contain a delimiter."
        )
        row.problems.append(RowProblem(None, "TOO_MANY_CELLS", message))
        return cells
    row.cells = fitted = [*cells[:width], *[""] * (width - len(cells))]
    return fitted


def _names(display_name: str) -> dict[str, str]:
    """First and last name derived from a display name: `Ana García` or `García, Ana`."""
    last, comma, first = display_name.partition(",")
    if not comma:
        first, _, last = display_name.strip().rpartition(" ")
    found = {"firstName": first.strip(), "lastName": last.strip()}
    return {name: value for name, value in found.items() if value}


def _show_in_gal(row: ImportRow, text: str | None, columns: Columns) -> None:
    _flag(row, "showInGal", text, columns, True)


def _hidden_from_gal(row: ImportRow, text: str | None, columns: Columns) -> None:
    _flag(row, "hiddenFromGal", text, columns, False)


def _flag(row: ImportRow, name: str, text: str | None, columns: Columns, shown: bool) -> None:
    value = None if text is None else csv_cells.flag(text)
    if text is not None and value is None:
        message = f"{text!r} is neither true nor false. Write one of the two."
        row.problems.append(RowProblem(columns.header[columns.places[name]], "SYNTAX", message, text))
    row.fields["showInGal"] = None if value is None else value is shown


def _aliases(row: ImportRow, text: str | None, columns: Columns) -> None:
    row.fields["aliases"] = [*(row.fields.get("aliases") or ()), *csv_cells.addresses(text or "")]


def _proxy_addresses(row: ImportRow, text: str | None, columns: Columns) -> None:
    if text is None or not csv_cells.is_type_name(text):
        row.fields["aliases"] = [*(row.fields.get("aliases") or ()), *csv_cells.proxy_addresses(text or "")]


def _manager(row: ImportRow, text: str | None, columns: Columns) -> None:
    row.manager = csv_cells.address(text or "")


def _manager_name(row: ImportRow, text: str | None, columns: Columns) -> None:
    if row.manager is None and (text is None or "@" in text):
        _manager(row, text, columns)


def _manager_id(row: ImportRow, text: str | None, columns: Columns) -> None:
    row.manager_id = (text or "").strip()


def _groups(row: ImportRow, text: str | None, columns: Columns) -> None:
    row.groups = csv_cells.names(text or "")


_SPECIAL: dict[str, Callable[[ImportRow, str | None, Columns], None]] = {
    "showInGal": _show_in_gal,
    "hiddenFromGal": _hidden_from_gal,
    "aliases": _aliases,
    "proxyAddresses": _proxy_addresses,
    "secondAddress": _aliases,
    "thirdAddress": _aliases,
    "manager": _manager,
    "managerName": _manager_name,
    "managerId": _manager_id,
    "groups": _groups,
}


def _is_passed_over(name: str, cell: str) -> bool:
    if name == "managerName":
        return "@" not in cell and bool(cell.strip()) and csv_cells.unescape(cell) is not None
    return csv_cells.is_type_name(cell)


def _phone(row: ImportRow, cells: Sequence[str], columns: Columns, n: str) -> None:
    """Read a number whose kind is in another cell, as written by Google. Private and fax numbers are ignored."""
    number = csv_cells.unescape(cells[columns.places[f"phone{n}"]])
    label = columns.places.get(f"phone{n}Label")
    kind = "" if label is None else cells[label].strip("* ").casefold()
    if number and number.strip() and not any(word in kind for word in _PRIVATE):
        name = "mobilePhone" if any(word in kind for word in _MOBILE) else "businessPhone"
        row.fields.setdefault(name, number.partition(":::")[0])
