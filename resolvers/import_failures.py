"""The refused rows of an import as a CSV file: each as it was, and why, ready to mend and import again."""

import csv
import io
from collections.abc import AsyncGenerator, Sequence

from resolvers.csv_cells import escape, unescape
from resolvers.csv_columns import COLUMNS, FAILURE_COLUMNS, plain
from resolvers.directory import Directory
from resolvers.import_rows import ImportRow
from storage import imports
from storage.documents import Document

_PIECE = 1 << 16


async def failed_rows(directory: Directory, job: Document) -> AsyncGenerator[bytes]:
    """The rows with problems under the file's own header, with line, code and reason, in UTF-8.

    Cells are written so that no spreadsheet runs them. The columns that this file adds are not read on import, so
    that a file of refused rows of a file of refused rows has them once.
    """
    header: Sequence[str] = job["columns"] or [*COLUMNS]
    ours = {plain(name) for name in FAILURE_COLUMNS}
    kept = [place for place, name in enumerate(header) if plain(name) not in ours]
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=job["delimiter"] or ",")
    writer.writerow([*(header[place] for place in kept), *FAILURE_COLUMNS])
    row: Document | None = None
    reasons: list[Document] = []
    async for problem in imports.all_problems(directory.db, job["_id"]):
        if "cells" not in problem:
            reasons.append(problem)
            continue
        if row is not None:
            writer.writerow(_cells(row, kept, reasons))
        row, reasons = problem, [problem]
        if file.tell() > _PIECE:
            yield file.getvalue().encode()
            file.seek(0)
            file.truncate()
    if row is not None:
        writer.writerow(_cells(row, kept, reasons))
    yield file.getvalue().encode()


def cells_of(row: ImportRow) -> list[str]:
    """What a row that came as an object is as cells under our own header."""
    return [escape(_text(row, field)) for field in COLUMNS.values()]


def _cells(row: Document, kept: Sequence[int], reasons: Sequence[Document]) -> list[str]:
    cells = row["cells"]
    found = [_safe(cells[place]) if place < len(cells) else "" for place in kept]
    codes = dict.fromkeys(each["code"] for each in reasons)
    messages = dict.fromkeys(each["message"] for each in reasons)
    return [*found, str(row["line"] or row["row"]), " ".join(codes), escape(" ".join(messages))]


def _safe(cell: str) -> str:
    """The cell with the same meaning, and harmless."""
    value = unescape(cell)
    return cell if value is None else escape(value)


def _text(row: ImportRow, field: str) -> str:
    if field == "manager":
        return row.manager or ""
    if field == "groups":
        return ";".join(row.groups or ())
    name, _, part = field.partition(".")
    value = row.fields.get(name)
    if part:
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        return ""
    if isinstance(value, list):
        return ";".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
