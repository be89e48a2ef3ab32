"""Import jobs: their records, their leases, and the outcomes and problems of their rows.

One process at a time holds the lease of a job and runs it. The transaction that writes rows also moves the job's
position in the file, so that an interrupted run resumes exactly there.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence

from pymongo import ReturnDocument

from storage.changes import Author
from storage.documents import Document
from storage.driver import Database, Session
from storage.lease import Lease, LeaseLost, held, take
from storage.lists import find_command, pages
from storage.lists.pages import Ordering, Page, Window

LEASE_SECONDS = 20
LATEST_FIRST = Ordering("_id", descending=True, of="imports")
PROBLEMS = Ordering("key", of="importProblems")
OUTCOMES = Ordering("key", of="importOutcomes")
_UNFINISHED = {"status": {"$in": ["QUEUED", "RUNNING"]}}


class CancelRequested(Exception):
    """Raised when someone has requested to cancel the job: nothing of the current batch is written."""


async def insert(db: Database, job: Document, session: Session | None = None) -> None:
    """Add a job, which then waits to be claimed."""
    await db.imports.insert_one(job, session=session)


async def get(db: Database, identifier: str) -> Document | None:
    """The job with this ID."""
    return await find_command.find_one(db.imports, {"_id": identifier})


async def get_many(db: Database, ids: Iterable[str]) -> dict[str, Document]:
    """The jobs with these IDs, keyed by ID. Unknown IDs are left out."""
    wanted = list(ids)
    found = await find_command.find(db.imports, {"_id": {"$in": wanted}}, limit=len(wanted) or 1)
    return {job["_id"]: job for job in found}


async def page(db: Database, window: Window) -> Page:
    """One page of the jobs, latest first."""
    return await pages.read(db.imports, {}, LATEST_FIRST, window)


async def count(db: Database) -> int:
    """The number of jobs."""
    return await find_command.count(db.imports, {})


async def claim(db: Database, identifier: str | None = None) -> tuple[Lease, Document] | None:
    """Take the lease of this job, or of the oldest free job, and return both. None if no unfinished job is free."""
    query = _UNFINISHED | ({"_id": identifier} if identifier else {})
    return await take(db.imports, query, LEASE_SECONDS, {"status": "RUNNING"})


async def get_held(lease: Lease) -> Document | None:
    """The current job if the lease is held, or None."""
    return await lease.collection.find_one(held(lease))


async def lock(lease: Lease, session: Session) -> None:
    """Begin the transaction of a batch. Others that change the job wait for it, so that its commit does not conflict.

    Raises `LeaseLost` or `CancelRequested`.
    """
    await advance(lease, {}, {"batches": 1}, session)


async def advance(
    lease: Lease, sets: Mapping[str, object], adds: Mapping[str, int], session: Session | None = None
) -> None:
    """Update the job's progress in the transaction that writes a batch. Raises `LeaseLost` or `CancelRequested`."""
    runnable = {**held(lease), "cancelRequested": {"$ne": True}}
    result = await lease.collection.update_one(runnable, {"$set": sets, "$inc": adds}, session=session)
    if not result.matched_count:
        raise CancelRequested if await get_held(lease) else LeaseLost


async def request_cancel(db: Database, identifier: str, session: Session | None = None) -> Document | None:
    """Ask the process that runs the job to stop. Returns the job, or None if it has finished or does not exist."""
    return await db.imports.find_one_and_update(
        {"_id": identifier, **_UNFINISHED},
        {"$set": {"cancelRequested": True}},
        return_document=ReturnDocument.AFTER,
        session=session,
    )


async def request_undo(
    db: Database, identifier: str, statuses: Sequence[str], author: Author, session: Session | None = None
) -> Document | None:
    """Queue a finished job for this author to undo. Returns it, or None if it is a dry run or has another status."""
    undoing = {"status": "QUEUED", "phase": "UNDO", "cancelRequested": False}
    return await db.imports.find_one_and_update(
        {"_id": identifier, "status": {"$in": list(statuses)}, "dryRun": False},
        {"$set": {**undoing, "undoneBy": author.name, "undoneById": author.id}},
        return_document=ReturnDocument.AFTER,
        session=session,
    )


async def add_results(
    db: Database, outcomes: Sequence[Document], problems: Sequence[Document], session: Session | None = None
) -> None:
    """Store outcomes and problems of rows."""
    if outcomes:
        await db.import_outcomes.insert_many(outcomes, session=session)
    if problems:
        await db.import_problems.insert_many(problems, session=session)


async def clear_results(db: Database, identifier: str) -> None:
    """Delete all outcomes and problems of a job, before it starts over."""
    await db.import_outcomes.delete_many({"importId": identifier})
    await db.import_problems.delete_many({"importId": identifier})


async def problems(db: Database, identifier: str, window: Window) -> Page:
    """One page of the problems of a job's rows, in row order."""
    return await pages.read(db.import_problems, {"importId": identifier}, PROBLEMS, window)


async def count_problems(db: Database, identifier: str) -> int:
    """The number of problems of a job's rows."""
    return await find_command.count(db.import_problems, {"importId": identifier})


async def all_problems(db: Database, identifier: str) -> AsyncIterator[Document]:
    """All problems of a job's rows, in row order."""
    async for problem in db.import_problems.find({"importId": identifier}, sort=[("key", 1)], batch_size=500):
        yield problem


async def first_problems(db: Database, identifier: str, places: Sequence[int]) -> dict[int, str]:
    """The message of the first problem of each of these rows, keyed by the row's place."""
    keys = {f"{place:010d}:000": place for place in places}
    cursor = db.import_problems.find({"importId": identifier, "key": {"$in": list(keys)}}, ["key", "message"])
    return {keys[problem["key"]]: problem["message"] async for problem in cursor}


async def outcomes(db: Database, identifier: str, since: str = "") -> AsyncGenerator[Document]:
    """The outcomes of a job's rows in chunks, in the order of decision, starting with the chunk with this key."""
    query = {"importId": identifier, "key": {"$gte": since}}
    async for chunk in db.import_outcomes.find(query, sort=[("key", 1)], batch_size=8):
        yield chunk


async def last_outcome(db: Database, identifier: str) -> Document | None:
    """The latest chunk of outcomes that has not been undone."""
    return await db.import_outcomes.find_one({"importId": identifier, "undone": {"$ne": True}}, sort=[("key", -1)])


async def mark_undone(db: Database, chunk: Document, session: Session) -> None:
    """Mark a chunk as undone, in the transaction that undoes it."""
    await db.import_outcomes.update_one({"_id": chunk["_id"]}, {"$set": {"undone": True}}, session=session)
