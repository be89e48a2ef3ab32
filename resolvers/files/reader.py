"""Reads a CSV file of contacts, whatever program wrote it, into the rows of an import.

Files are streamed: each is read once to detect its encoding, and again, with a `Format`, for its rows. No file, however
crafted, takes more memory than a few blocks and one record.
"""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from resolvers import rules
from resolvers.errors import ImportUnreadable
from resolvers.files import columns as csv_columns
from resolvers.files.columns import Columns
from resolvers.files.mapping import addresses, is_filled, passed_over, row_reader
from resolvers.files.records import DELIMITER_NAMES, DELIMITERS, Record, Records, first_record
from resolvers.files.rows import ImportRow
from resolvers.files.text import ENCODINGS, Decoder, blocks, storable


@dataclass(frozen=True, slots=True)
class Format:
    """How to read a file. A `delimiter` of None is detected in the first block.

    `columns` maps header names to our columns. `needed` are the fields that the file must have columns for.
    """

    encoding: str
    delimiter: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    needed: Sequence[str] = rules.REQUIRED

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise ImportUnreadable(f"There is no encoding {self.encoding!r}. Use one of {', '.join(ENCODINGS)}.")
        if self.delimiter not in (None, *DELIMITERS):
            raise ImportUnreadable(
                f"The delimiter must be one of {', '.join(DELIMITER_NAMES)}, or the character itself."
            )


class FileReader:
    """Streams the rows of one file. `columns` and `delimiter` are set when the header has been read.

    `passed_over` are the places of columns with cells that are ignored. Only `addresses` sets it.
    """

    def __init__(self, how: Format) -> None:
        self._how = how
        self._number = 0
        self._row: Callable[[int, Record], ImportRow] | None = None
        self.columns = Columns((), {}, (), False, False)
        self.delimiter = how.delimiter or ","
        self.passed_over: set[int] = set()

    async def rows(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[Iterator[ImportRow]]:
        """The rows, block by block. Consume each iterator before asking for the next one.

        Raises `ImportUnreadable`, also in the iterators.
        """
        async for records in self._records(chunks):
            yield filter(None, map(self._read, records))

    async def addresses(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[Iterator[tuple[int, Sequence[str]]]]:
        """Like `rows`, but only the line and the addresses of each row, and faster."""
        async for records in self._records(chunks):
            yield self._addresses(records)

    def _addresses(self, records: Iterator[Record]) -> Iterator[tuple[int, Sequence[str]]]:
        for line, cells in records:
            if is_filled(cells):
                self.passed_over.update(passed_over(cells, self.columns))
                yield line, addresses(cells, self.columns)

    async def _records(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[Iterator[Record]]:
        decoder = Decoder(self._how.encoding)
        parser: Records | None = None
        async for block in blocks(chunks):
            text = decoder.feed(block)
            if parser is None:
                parser = self._begin(text)
            yield self._after_header(parser.feed(text))
        if parser is None:
            raise ImportUnreadable("The file is empty. It must contain a header and at least one row.")
        yield self._after_header(parser.feed(decoder.feed(b"", True), last=True))
        if self._row is None:
            raise ImportUnreadable("The file has no header. It must contain a header and at least one row.")

    def _begin(self, text: str) -> Records:
        self.delimiter = self._how.delimiter or _delimiter(text)
        return Records(self.delimiter)

    def _after_header(self, records: Iterator[Record]) -> Iterator[Record]:
        if self._row is None:
            header = next((cells for _, cells in records if not _is_preamble(cells)), None)
            if header is None:
                return
            self.columns = csv_columns.recognize(
                [storable(name.strip()) for name in header], self._how.columns, self._how.needed
            )
            self._row = row_reader(self.columns)
        yield from records

    def _read(self, record: Record) -> ImportRow | None:
        if self._row is None or not is_filled(record[1]):
            return None
        self._number += 1
        return self._row(self._number, record)


def _is_preamble(cells: Sequence[str]) -> bool:
    """Whether a record before the header is Excel's `sep=;`, PowerShell's `#TYPE …`, or blank."""
    first = cells[0]
    return first[:4].lower() == "sep=" or first.startswith("#TYPE ") or not any(map(str.strip, cells))


def _delimiter(text: str) -> str:
    """The delimiter with the most known columns in the first line, or else with the most cells."""
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
