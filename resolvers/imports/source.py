"""The rows of an import: read from an uploaded file, CSV or one JSON object per line, as often as needed."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from resolvers import rules
from resolvers.caller import Caller
from resolvers.errors import ImportUnreadable
from resolvers.files.columns import COLUMNS
from resolvers.files.reader import FileReader, Format
from resolvers.files.rows import ImportRow, of_json
from resolvers.files.text import blocks
from resolvers.imports.row_index import RowIndex
from resolvers.imports.state import OnMatch
from runtime.fairness import give_way
from storage import uploads
from storage.documents import Document

BATCH_ROWS = 1_000
BATCH_CHARACTERS = 1 << 22


@dataclass(slots=True)
class Scan:
    """The result of reading a whole file: its row count, its columns, and the first row that names each address."""

    rows: int = 0
    delimiter: str | None = None
    columns: Sequence[str] = ()
    unknown: Sequence[str] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    index: RowIndex = field(default_factory=RowIndex)


async def scan(caller: Caller, job: Document) -> Scan:
    """Read a job's whole file. Raises `ImportUnreadable`."""
    found = Scan()
    reader = None if job["kind"] == "json" else FileReader(_format(job))
    async with aclosing(uploads.read(caller.db, job["_id"])) as chunks:
        async for named in reader.addresses(chunks) if reader else _json_addresses(chunks):
            for place, addresses in named:
                found.rows += 1
                for address in addresses:
                    found.index.add(address, place)
                await give_way()
    if not found.rows:
        raise ImportUnreadable(
            "The file has no rows. Add at least one below the header."
            if reader
            else "There are no rows. Send at least one."
        )
    if reader:
        columns = reader.columns
        found.delimiter, found.columns = reader.delimiter, columns.header
        found.unknown = [*columns.unknown, *(columns.header[place] for place in sorted(reader.passed_over))]
        fields = (*COLUMNS.values(), "managerId", "address")
        found.names = {name: header for name in fields if (header := columns.name(name)) is not None}
    else:
        found.names = {name: name for name in (*COLUMNS.values(), *rules.FIELDS)}
    return found


async def batches(caller: Caller, job: Document) -> AsyncGenerator[list[ImportRow]]:
    """The rows of a job's file in batches of limited length and size. Every call yields the same batches."""
    reader = None if job["kind"] == "json" else FileReader(_format(job))
    batch: list[ImportRow] = []
    size = 0
    async with aclosing(_rows(caller, job, reader)) as rows:
        async for row in rows:
            batch.append(row)
            size += row.size
            if len(batch) == BATCH_ROWS or size > BATCH_CHARACTERS:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


def needed(on_match: OnMatch) -> Sequence[str]:
    """The fields that a file must have columns for. Rows that may update contacts need the email address only."""
    return ("emailAddress",) if on_match == "UPDATE" else rules.REQUIRED


async def _rows(caller: Caller, job: Document, reader: FileReader | None) -> AsyncGenerator[ImportRow]:
    async with aclosing(uploads.read(caller.db, job["_id"])) as chunks:
        blocks_of_rows = reader.rows(chunks) if reader else _json_rows(chunks)
        async for rows in blocks_of_rows:
            for row in rows:
                yield row
                await give_way()


async def _json_addresses(chunks: AsyncIterable[bytes]) -> AsyncIterator[Iterator[tuple[int, Sequence[str]]]]:
    async for rows in _json_rows(chunks):
        yield ((row.place, row.addresses) for row in rows)


async def _json_rows(chunks: AsyncIterable[bytes]) -> AsyncIterator[Iterator[ImportRow]]:
    number, pending = 0, b""
    async for block in blocks(chunks):
        *lines, pending = (pending + block).split(b"\n")
        yield (of_json(number + place, line) for place, line in enumerate(lines, start=1))
        number += len(lines)


def _format(job: Document) -> Format:
    return Format(job["encoding"], job["delimiter"], job["mapping"], needed(job["onMatch"]))
