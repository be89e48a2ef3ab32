"""An import as JSON."""

from datetime import datetime

from resolvers.caller import Caller
from resolvers.imports import jobs
from storage.documents import Document, utc
from storage.lists.pages import Window

SHOWN = 100
"""The maximum number of problems and outcomes in the report itself. The rest is on pages of their own."""
_PLAIN = (
    "status",
    "phase",
    "dryRun",
    "onMatch",
    "errorPolicy",
    "fileName",
    "rows",
    "processed",
    "created",
    "updated",
    "unchanged",
    "skipped",
    "failed",
    "undone",
    "notUndone",
    "encoding",
    "delimiter",
    "columns",
    "unknownColumns",
    "message",
)


def summary(job: Document) -> Document:
    """An import without its problems and outcomes."""
    return {
        "id": job["_id"],
        **{name: job[name] for name in _PLAIN},
        "startedAt": utc(job["startedAt"]),
        "finishedAt": _moment(job["finishedAt"]),
    }


async def report(caller: Caller, job: Document) -> Document:
    """An import with its first problems and, if it is a dry run, its first outcomes."""
    page = await jobs.list_problems(caller, job["_id"], Window(SHOWN))
    found = {**summary(job), "problems": [problem(each) for each in page.documents], "moreProblems": page.has_next}
    if job["dryRun"]:
        rows = await jobs.list_outcomes(caller, job["_id"], Window(SHOWN))
        found |= {"outcomes": [outcome(row) for row in rows.documents], "moreOutcomes": rows.has_next}
    return found


def problem(document: Document) -> Document:
    """A problem of a row."""
    return {name: document[name] for name in ("row", "line", "column", "code", "message", "value")}


def outcome(row: Document) -> Document:
    """The outcome of a row."""
    names = ("row", "line", "action", "contactId")
    shown = {name: row[name] for name in names}
    return shown | {name: row[name] for name in ("emailAddress", "fields") if name in row}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else utc(moment)
