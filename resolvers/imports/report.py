"""The outcome of every row of an import or dry run, as a CSV file for people to read."""

import csv
import io
from collections.abc import AsyncGenerator

from resolvers.caller import Caller
from resolvers.files.cells import escape
from resolvers.files.text import MARK
from storage import imports
from storage.documents import Document

COLUMNS = ("Line", "Outcome", "EmailAddress", "ContactId", "Changes", "Reason")


async def report(caller: Caller, job: Document, *, bom: bool = False) -> AsyncGenerator[bytes]:
    """Every row in the order of decision, in UTF-8, read as it is consumed; `bom` adds a byte order mark."""
    yield (MARK * bom + ",".join(COLUMNS) + "\r\n").encode()
    async for chunk in imports.outcomes(caller.db, job["_id"]):
        file = io.StringIO(newline="")
        writer = csv.writer(file)
        places = [row["line"] or row["row"] for row in chunk["rows"] if row["action"] == "FAILED"]
        reasons = await imports.first_problems(caller.db, job["_id"], places) if places else {}
        for row in chunk["rows"]:
            place = row["line"] or row["row"]
            address, identifier = row.get("emailAddress", ""), row["contactId"] or ""
            details = (address, identifier, changes(row), reasons.get(place, ""))
            writer.writerow([place, row["action"], *map(escape, details)])
        yield file.getvalue().encode()


def changes(row: Document) -> str:
    """What a row of a dry run would change in its contact, on one line."""
    return "; ".join(
        f"{each['field']}: {_shown(each['before'])} → {_shown(each['after'])}" for each in row.get("fields", ())
    )


def _shown(value: str | None) -> str:
    return "nothing" if value is None else repr(value)
