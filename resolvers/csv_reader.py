"""Reads a CSV file of contacts, whatever program wrote it, into the rows of an import.

Everything is a stream of bounded memory: a file is read once to tell its encoding, and again, now with a `Format`,
for its rows. No file, however made, takes more than a few blocks and one record at a time.
"""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from resolvers import csv_cells, csv_columns, rules
from resolvers.csv_columns import Columns
from resolvers.csv_records import DELIMITERS, Record, Records, first_record
from resolvers.csv_text import ENCODINGS, Decoder, blocks, is_broken
from resolvers.errors import ImportUnreadable
from resolvers.import_rows import ImportRow, RowProblem, compared

_ALIASES = ("aliases", "proxyAddresses", "secondAddress", "thirdAddress")
_MOBILE = ("mobile", "mobil", "cell", "handy", "móvil", "portable")
_PRIVATE = ("home", "fax", "pager")


@dataclass(frozen=True, slots=True)
class Format:
    """How a file is to be read. What is None is found out from its first block.

    `columns` says of header names which of our columns they are; `needed` are the fields it must have columns for.
    """

    encoding: str
    delimiter: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    needed: Sequence[str] = rules.REQUIRED

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise ImportUnreadable(f"There is no encoding {self.encoding!r}; choose one of {', '.join(ENCODINGS)}.")
        if self.delimiter not in (None, *DELIMITERS):
            raise ImportUnreadable("The delimiter must be a comma, a semicolon, a tab or a vertical bar.")


class Reader:
    """The rows of one file, as it arrives. `columns` and `delimiter` are known once it has begun."""

    def __init__(self, how: Format) -> None:
        self._how = how
        self._number = 0
        self._row: Callable[[int, Record], ImportRow] | None = None
        self.columns = Columns((), {}, (), False, False)
        self.delimiter = how.delimiter or ","

    async def rows(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[Iterator[ImportRow]]:
        """The rows, those of a block of the file at a time: to be used up, each, before the next.

        Raises `ImportUnreadable`, in the iterators too.
        """
        async for records in self._records(chunks):
            yield filter(None, map(self._read, records))

    async def addresses(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[Iterator[tuple[int, Sequence[str]]]]:
        """The place and the addresses of each row, as `ImportRow` has them, and nothing else: fast. As `rows`."""
        async for records in self._records(chunks):
            yield (
                (line, [each for each in _addresses(cells, self.columns) if each])
                for line, cells in records
                if _is_filled(cells)
            )

    async def _records(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[Iterator[Record]]:
        decoder = Decoder(self._how.encoding)
        parser: Records | None = None
        async for block in blocks(chunks):
            text = decoder.feed(block)
            if parser is None:
                parser = self._begin(text)
            yield self._after_header(parser.feed(text))
        if parser is None:
            raise ImportUnreadable("The file is empty. Give it a header and at least one row.")
        yield self._after_header(parser.feed(decoder.feed(b"", True), last=True))
        if self._row is None:
            raise ImportUnreadable("The file has no header and no rows.")

    def _begin(self, text: str) -> Records:
        self.delimiter = self._how.delimiter or _delimiter(text)
        return Records(self.delimiter)

    def _after_header(self, records: Iterator[Record]) -> Iterator[Record]:
        if self._row is None:
            header = next((cells for _, cells in records if not _is_preamble(cells)), None)
            if header is None:
                return
            self.columns = csv_columns.recognise([name.strip() for name in header], self._how.columns, self._how.needed)
            self._row = row_reader(self.columns)
        yield from records

    def _read(self, record: Record) -> ImportRow | None:
        if self._row is None or not _is_filled(record[1]):
            return None
        self._number += 1
        return self._row(self._number, record)


def _is_filled(cells: Sequence[str]) -> bool:
    whole = "".join(cells)
    return bool(whole) and not whole.isspace()


def _addresses(cells: list[str], columns: Columns) -> Sequence[str]:
    """The addresses of a row, as `ImportRow` finds them."""
    width, aliases = len(cells), list[str]()
    for name in _ALIASES:
        if (place := columns.places.get(name)) is not None and place < width and (cell := cells[place]):
            aliases += csv_cells.addresses(csv_cells.unescape(cell) or "")
    place = columns.places.get("emailAddress", width)
    own = csv_cells.address(csv_cells.unescape(cells[place]) or "") if place < width else ""
    return compared(own, aliases)


def row_reader(columns: Columns) -> Callable[[int, Record], ImportRow]:
    """The function that reads the numbered records of a file with these columns."""
    texts = [(place, name) for name, place in columns.places.items() if name in rules.LENGTHS or name == "emailAddress"]
    postal = [(place, name.partition(".")[2]) for name, place in columns.places.items() if name.startswith("address.")]
    special = [(name, place) for name, place in columns.places.items() if name in _SPECIAL]
    phones = [n for n in "123" if f"phone{n}" in columns.places]
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
        return row

    return read


def _finish(row: ImportRow, columns: Columns) -> None:
    """What only shows in the whole row."""
    fields = row.fields
    if given := fields.get("emailAddress"):
        fields["emailAddress"] = csv_cells.address(given)
    if columns.derives_display_name:
        names = (fields.get(name) for name in ("firstName", "lastName"))
        row.derived["displayName"] = " ".join(name.strip() for name in names if name)
    elif columns.derives_names:
        row.derived |= _names(fields.get("displayName") or "")
    if not "".join(row.cells).isascii() and (broken := next(filter(is_broken, row.cells), None)):
        message = "The cell has bytes that are not of the file's encoding. Write it anew, or save the file as UTF-8."
        row.problems.append(RowProblem(columns.header[row.cells.index(broken)], "ENCODING", message, broken))


def _fitted(row: ImportRow, cells: list[str], width: int) -> list[str]:
    """As many cells as the header has; blank ones too many are no matter."""
    if any(map(str.strip, cells[width:])):
        message = f"The row has {len(cells):,} cells, the header {width:,}. Put cells that hold a delimiter in quotes."
        row.problems.append(RowProblem(None, "TOO_MANY_CELLS", message))
    row.cells = fitted = [*cells[:width], *[""] * (width - len(cells))]
    return fitted


def _names(display_name: str) -> dict[str, str]:
    """First and last name told from a display name: `Ana García` or `García, Ana`."""
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
        message = f"{text!r} is neither true nor false; write one of the two."
        row.problems.append(RowProblem(columns.header[columns.places[name]], "SYNTAX", message, text))
    row.fields["showInGal"] = None if value is None else value is shown


def _aliases(row: ImportRow, text: str | None, columns: Columns) -> None:
    row.fields["aliases"] = [*(row.fields.get("aliases") or ()), *csv_cells.addresses(text or "")]


def _manager(row: ImportRow, text: str | None, columns: Columns) -> None:
    row.manager = csv_cells.address(text or "")


def _groups(row: ImportRow, text: str | None, columns: Columns) -> None:
    row.groups = csv_cells.names(text or "")


_SPECIAL: dict[str, Callable[[ImportRow, str | None, Columns], None]] = {
    "showInGal": _show_in_gal,
    "hiddenFromGal": _hidden_from_gal,
    "aliases": _aliases,
    "proxyAddresses": _aliases,
    "secondAddress": _aliases,
    "thirdAddress": _aliases,
    "manager": _manager,
    "groups": _groups,
}


def _phone(row: ImportRow, cells: Sequence[str], columns: Columns, n: str) -> None:
    """A number with its kind in a cell of its own, as Google writes them. Private numbers and faxes are left out."""
    number = csv_cells.unescape(cells[columns.places[f"phone{n}"]])
    label = columns.places.get(f"phone{n}Label")
    kind = "" if label is None else cells[label].strip("* ").casefold()
    if number and number.strip() and not any(word in kind for word in _PRIVATE):
        name = "mobilePhone" if any(word in kind for word in _MOBILE) else "businessPhone"
        row.fields.setdefault(name, number.partition(":::")[0])


def _is_preamble(cells: Sequence[str]) -> bool:
    """Whether a record before the header is Excel's `sep=;`, PowerShell's `#TYPE …`, or blank."""
    first = cells[0]
    return first[:4].lower() == "sep=" or first.startswith("#TYPE ") or not any(map(str.strip, cells))


def _delimiter(text: str) -> str:
    """The delimiter that makes most of the first line's cells known columns, or else most cells."""
    head = text.lstrip("\r\n")
    if head[:4].lower() == "sep=" and head[4:5] in DELIMITERS:
        return head[4]
    if head.startswith("#TYPE "):
        head = head.partition("\n")[2]
    return max(DELIMITERS, key=lambda each: _fit(head, each))


def _fit(text: str, delimiter: str) -> tuple[int, int]:
    try:
        record = first_record(text, delimiter)
    except ImportUnreadable:
        record = None
    return (csv_columns.known(record[1]), len(record[1])) if record else (0, 0)
