"""The refused rows of an import as a CSV file: each as it was, and why, ready to mend and import again."""

import csv
import io
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import orjson

from resolvers.caller import Caller
from resolvers.files.cells import CLEAR, escape, unescape
from resolvers.files.columns import COLUMNS, FAILURE_COLUMNS, MANAGER_ID, plain
from resolvers.files.rows import ImportRow
from resolvers.files.text import MARK
from storage import imports
from storage.documents import Document

_PIECE = 1 << 16
_FIELDS = (*COLUMNS.values(), "managerId")


async def failed_rows(caller: Caller, job: Document, *, bom: bool = False) -> AsyncGenerator[bytes]:
    """The rows with problems under the file's own header, with line, code and reason, in UTF-8, with `bom` marked so.

    Rows that came in JSON get our header, and `ImportRow` with the JSON. What a row has too many cells of follows
    after the reason, so that it is refused again unless it is mended. Cells are written so that no spreadsheet runs
    them. The columns that this file adds are not read on import, and a file of refused rows of a file of refused rows
    has them once.
    """
    is_json = job["kind"] == "json"
    header: Sequence[str] = [*COLUMNS, MANAGER_ID] if is_json else job["columns"]
    ours = {plain(name) for name in FAILURE_COLUMNS}
    kept = [place for place, name in enumerate(header) if plain(name) not in ours]
    file = io.StringIO(newline="")
    file.write(MARK if bom else "")
    writer = csv.writer(file, delimiter=job["delimiter"] or ",")
    added = FAILURE_COLUMNS if is_json else FAILURE_COLUMNS[:3]
    writer.writerow([*(_safe(header[place]) for place in kept), *added])
    async with aclosing(_refused(caller, job)) as refused:
        async for row, reasons in refused:
            cells = row["cells"]
            original = [_safe(cells[place]) if place < len(cells) else "" for place in kept]
            extra = [row.get("json", "")] if is_json else [_safe(cell) for cell in cells[len(header) :]]
            writer.writerow([*original, *_why(row, reasons), *extra])
            if file.tell() > _PIECE:
                yield file.getvalue().encode()
                file.seek(0)
                file.truncate()
    yield file.getvalue().encode()


def cells_of(row: ImportRow) -> list[str]:
    """What a row that came as an object is as cells, under our own header and `MANAGER_ID`."""
    return [_cell(row, field) for field in _FIELDS]


async def _refused(caller: Caller, job: Document) -> AsyncGenerator[tuple[Document, Sequence[Document]]]:
    """Each refused row, and all its problems. The problems of an undo are those of rows that were imported."""
    reasons: list[Document] = []
    async for problem in imports.all_problems(caller.db, job["_id"]):
        if "cells" in problem:
            if reasons:
                yield reasons[0], reasons
            reasons = [problem]
        elif reasons and problem["row"] == reasons[0]["row"]:
            reasons.append(problem)
    if reasons:
        yield reasons[0], reasons


def _why(row: Document, reasons: Sequence[Document]) -> Sequence[str]:
    codes = dict.fromkeys(each["code"] for each in reasons)
    messages = dict.fromkeys(each["message"] for each in reasons)
    return str(row["line"] or row["row"]), " ".join(codes), escape(" ".join(messages))


def _safe(cell: str) -> str:
    """The cell with the same meaning, and harmless."""
    value = unescape(cell)
    return cell if value is None else escape(value)


def _cell(row: ImportRow, field: str) -> str:
    is_given, value = _given(row, field)
    if not is_given:
        return ""
    if isinstance(value, list):
        value = ";".join(map(str, value))
    elif value is not None and not isinstance(value, str):
        value = orjson.dumps(value).decode()
    return escape(value) if value and value.strip() else CLEAR


def _given(row: ImportRow, field: str) -> tuple[bool, object]:
    """Whether a row says something of a field, and what; None to clear it."""
    match field:
        case "manager":
            return row.manager is not None, row.manager
        case "managerId":
            return row.manager_id is not None, row.manager_id
        case "groups":
            return row.groups is not None, row.groups
    name, _, part = field.partition(".")
    value = row.fields.get(name)
    if part and isinstance(value, dict):
        return part in value, value.get(part)
    return name in row.fields and not (part and value is not None), value
