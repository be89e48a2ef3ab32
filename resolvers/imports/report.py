"""What became, or in a dry run would become, of every row of an import: for people, and as a CSV file."""

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
    """Every row in the order of deciding, in UTF-8, with `bom` marked so; read as it is consumed."""
    yield (MARK * bom + ",".join(COLUMNS) + "\r\n").encode()
    async for chunk in imports.outcomes(caller.db, job["_id"]):
        file = io.StringIO(newline="")
        writer = csv.writer(file)
        places = [row["line"] or row["row"] for row in chunk["rows"] if row["action"] == "FAILED"]
        reasons = await imports.first_problems(caller.db, job["_id"], places) if places else {}
        for row in chunk["rows"]:
            place = row["line"] or row["row"]
            address, identifier = row.get("emailAddress", ""), row["contactId"] or ""
            told = (address, identifier, changes(row), reasons.get(place, ""))
            writer.writerow([place, row["action"], *map(escape, told)])
        yield file.getvalue().encode()


def changes(row: Document) -> str:
    """What a row of a dry run changes of a contact, in one line."""
    return "; ".join(
        f"{each['field']}: {_shown(each['before'])} → {_shown(each['after'])}" for each in row.get("fields", ())
    )


def _shown(value: str | None) -> str:
    return "nothing" if value is None else repr(value)
