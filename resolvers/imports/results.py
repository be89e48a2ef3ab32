"""The results of a batch of an import as stored: counts, outcomes and problems."""

from collections import Counter
from collections.abc import Sequence

from resolvers.caller import Caller
from resolvers.files.names import Names, names
from resolvers.files.rows import ImportRow, RowProblem
from resolvers.files.text import storable
from resolvers.imports.differences import changed_fields
from resolvers.imports.failed_rows import cells_of
from resolvers.imports.state import RowOutcome
from runtime.fairness import give_way
from storage.documents import Document, new_id

COUNTS = ("created", "updated", "unchanged", "skipped", "failed")
_CHUNK = 100
_LONGEST_VALUE = 500
_LONGEST_MESSAGE = 2_000
_MOST_PROBLEMS = 100


def counts(outcomes: Sequence[RowOutcome]) -> dict[str, int]:
    """The number of decided rows, in total and by outcome."""
    found = Counter(outcome.action.lower() for outcome in outcomes if outcome.action != "WAITING")
    return {"processed": found.total(), **found}


async def chunks(job: Document, step: int, outcomes: Sequence[RowOutcome], called: Names | None) -> list[Document]:
    """The outcomes as stored. A dry run also stores what each row changes; `called` then has the names to show."""
    size = len(outcomes) if called is None else _CHUNK
    return [await _chunk(job, step, outcomes[start : start + size], called) for start in range(0, len(outcomes), size)]


async def names_in(caller: Caller, outcomes: Sequence[RowOutcome]) -> Names:
    """The names of managers and groups in these changes. A manager who does not exist yet is shown as in the row."""
    updates = [outcome for outcome in outcomes if outcome.action == "UPDATED"]
    managers: dict[str, str] = {}
    for outcome in updates:
        for contact in (outcome.change.before, outcome.change.after) if outcome.change else ():
            if contact and (manager := contact.get("managerId")):
                managers[manager] = (outcome.row.manager or manager).strip()
    groups = {each for outcome in updates for ids in outcome.groups or () for each in ids}
    found = await names(caller, managers, groups)
    return Names({**managers, **found.managers}, found.groups)


def problems(job: Document, outcomes: Sequence[RowOutcome]) -> list[Document]:
    """The problems of the rows, at most `_MOST_PROBLEMS` per row. The first problem of a row includes the row."""
    return [
        problem_document(job, outcome.row, number, problem)
        for outcome in outcomes
        for number, problem in enumerate(outcome.problems[:_MOST_PROBLEMS])
    ]


def problem_document(job: Document, row: ImportRow, number: int, problem: RowProblem) -> Document:
    """One problem as stored."""
    original: Document = {}
    if number == 0:
        original["cells"] = [storable(cell) for cell in row.cells or cells_of(row)]
        original |= {"json": row.json} if row.json else {}
    return {
        "_id": new_id(),
        "importId": job["_id"],
        "key": f"{row.place:010d}:{number:03d}",
        "row": row.number,
        "line": row.line,
        "column": problem.column,
        "code": problem.code,
        "message": storable(problem.message[:_LONGEST_MESSAGE]),
        "value": None if problem.value is None else storable(problem.value[:_LONGEST_VALUE]),
        "purgeAt": job["purgeAt"],
        **original,
    }


async def _chunk(job: Document, step: int, outcomes: Sequence[RowOutcome], called: Names | None) -> Document:
    rows: list[Document] = []
    for outcome in outcomes:
        if outcome.action != "WAITING":
            rows.append(_row(outcome, called))
        await give_way()
    return {
        "_id": new_id(),
        "importId": job["_id"],
        "key": f"{step:04d}:{outcomes[0].row.place:010d}",
        "rows": rows,
        "waiting": [outcome.row.place for outcome in outcomes if outcome.action == "WAITING"],
        "purgeAt": job["purgeAt"],
    }


def _row(outcome: RowOutcome, called: Names | None) -> Document:
    row = outcome.row
    kept: Document = {
        "row": row.number,
        "line": row.line,
        "action": outcome.action,
        "contactId": outcome.contact_id,
        "version": outcome.version,
        "isWritten": outcome.change is not None,
    }
    if outcome.groups:
        kept["groups"] = [list(each) for each in outcome.groups]
    if outcome.action == "CREATED" and outcome.change and (joined := outcome.change.contact.get("groupIds")):
        kept["joined"] = list(joined)
    if called is not None:
        kept["emailAddress"] = storable(row.email_address[:320])
        kept["fields"] = _fields(outcome, called)
        if outcome.action == "CREATED":
            kept["contactId"] = None  # it does not exist yet
    return kept


def _fields(outcome: RowOutcome, called: Names) -> list[dict[str, str | None]]:
    change = outcome.change
    found = []
    if change and change.before and change.after:
        found = changed_fields(change.before, change.after, called.managers)
    if outcome.groups:
        before, after = (";".join(called.groups.get(each, each) for each in ids) for ids in outcome.groups)
        found.append({"field": "groups", "before": before or None, "after": after or None})
    return found
