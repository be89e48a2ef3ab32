"""The failed rows of an import as a CSV file: each original row and why it failed, to correct and import again."""

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
    """The failed rows under the file's own header, with line, code and reason, in UTF-8; `bom` adds a byte order mark.

    Rows from JSON get our header, and the JSON in `ImportRow`. Surplus cells of a row follow the reason, so that the
    row fails again until it is corrected. Cells are escaped so that spreadsheets don't run them as formulas. An import
    ignores the columns that this file adds, and they aren't added twice if the imported file already has them.
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
    async with aclosing(_failed(caller, job)) as failed:
        async for row, reasons in failed:
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
    """The cells of a row that came as an object, under our own header and `MANAGER_ID`."""
    return [_cell(row, field) for field in _FIELDS]


async def _failed(caller: Caller, job: Document) -> AsyncGenerator[tuple[Document, Sequence[Document]]]:
    """Each failed row and all its problems. Problems of an undo are left out: their rows were imported."""
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
    """The cell with the same meaning, but never run as a formula."""
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
    """Whether the row gives the field, and its value; None clears the field."""
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
