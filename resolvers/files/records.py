"""The records of a CSV text that arrives in pieces, each with the line it starts on.

Python's own `csv` module does the parsing. It keeps no state between calls, so a record whose end has not arrived yet
is parsed again with the next piece.
"""

import csv
import io
from collections.abc import Iterable, Iterator

from resolvers.errors import ImportUnreadable

DELIMITER_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
DELIMITERS = tuple(DELIMITER_NAMES.values())
MAX_RECORD = 1 << 18
"""The maximum number of characters in a record: more than all fields together can have, but few enough for memory."""

Record = tuple[int, list[str]]


class _Short(Exception):
    """Raised into the parser at the end of the text that has arrived."""


class Records:
    """Parses a text in pieces. Blank lines are skipped."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._pending = ""
        self._line = 1

    def feed(self, text: str, last: bool = False) -> Iterator[Record]:
        """The records that this piece completes. Raises `ImportUnreadable` for a quotation mark that is not closed."""
        lines = list(io.StringIO(self._pending + text, newline=""))
        # The last line may be incomplete, or end with the first half of CR LF.
        tail = lines.pop() if lines and not last and not lines[-1].endswith("\n") else ""
        reader = csv.reader(_source(lines, last), delimiter=self._delimiter, skipinitialspace=True)
        done = 0
        try:
            for cells in reader:
                start, done = done, reader.line_num
                if cells:
                    yield self._line + start, cells
        except _Short:
            pass
        except csv.Error as error:
            raise self._unreadable(self._line + done) from error
        self._pending = "".join([*lines[done:], tail])
        self._line += done
        if len(self._pending) > MAX_RECORD:
            raise self._unreadable(self._line)

    def _unreadable(self, line: int) -> ImportUnreadable:
        return ImportUnreadable(
            f"The row that starts on line {line:,} has more than {MAX_RECORD:,} characters, or one of its cells has "
            f'more than {csv.field_size_limit():,}. Most likely, a quotation mark (") is not closed. Close it.',
            line,
        )


def first_record(text: str, delimiter: str) -> Record | None:
    """The first record of the text at the start of a file. None if there is none."""
    return next(Records(delimiter).feed(text, last=True), None)


def _source(lines: Iterable[str], last: bool) -> Iterator[str]:
    yield from lines
    if not last:
        raise _Short
