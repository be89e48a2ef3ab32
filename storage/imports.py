"""Import jobs: their records, who runs them, and what became of their rows.

A job is run by one process at a time, which holds its lease. The position in the file moves in the transaction that
writes the rows, so that a killed run is taken up exactly there.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence

from pymongo import ReturnDocument

from storage.documents import Document
from storage.driver import Database, Session
from storage.lease import Lease, LeaseLost, held, take
from storage.lists import pages
from storage.lists.pages import Ordering, Page, Window

LEASE_SECONDS = 20
LATEST_FIRST = Ordering("_id", descending=True, of="imports")
PROBLEMS = Ordering("key", of="importProblems")
OUTCOMES = Ordering("key", of="importOutcomes")
_UNFINISHED = {"status": {"$in": ["QUEUED", "RUNNING"]}}


class CancelRequested(Exception):
    """Raised when someone asked to cancel the job: nothing of the present batch is written."""


async def insert(db: Database, job: Document) -> None:
    """Add a job that its maker holds from the start, or that waits to be claimed."""
    await db.imports.insert_one(job)


async def get(db: Database, identifier: str) -> Document | None:
    """The job with this id."""
    return await db.imports.find_one({"_id": identifier})


async def get_many(db: Database, ids: Iterable[str]) -> dict[str, Document]:
    """The jobs with these ids, keyed by id; unknown ones are left out."""
    return {job["_id"]: job async for job in db.imports.find({"_id": {"$in": list(ids)}})}


async def page(db: Database, window: Window) -> Page:
    """One page of the jobs, the latest first."""
    return await pages.read(db.imports, {}, LATEST_FIRST, window)


async def count(db: Database) -> int:
    """How many jobs are kept."""
    return await db.imports.count_documents({})


async def claim(db: Database, identifier: str | None = None) -> tuple[Lease, Document] | None:
    """Take the lease of this job, or of the oldest that has work left and that nobody holds; None if there is none."""
    query = _UNFINISHED | ({"_id": identifier} if identifier else {})
    return await take(db.imports, query, LEASE_SECONDS, {"status": "RUNNING"})


async def get_held(lease: Lease) -> Document | None:
    """The job as it is now, if its lease is held."""
    return await lease.collection.find_one(held(lease))


async def lock(lease: Lease, session: Session) -> None:
    """Begin a batch's transaction: whoever changes the job meanwhile waits for it, instead of spoiling its end.

    Raises `LeaseLost` or `CancelRequested`.
    """
    await advance(lease, {}, {"batches": 1}, session)


async def advance(
    lease: Lease, sets: Mapping[str, object], adds: Mapping[str, int], session: Session | None = None
) -> None:
    """Move the job on, in the transaction that writes a batch. Raises `LeaseLost` or `CancelRequested`."""
    wanted = {**held(lease), "cancelRequested": {"$ne": True}}
    result = await lease.collection.update_one(wanted, {"$set": sets, "$inc": adds}, session=session)
    if not result.matched_count:
        raise CancelRequested if await get_held(lease) else LeaseLost


async def request_cancel(db: Database, identifier: str) -> Document | None:
    """Ask the run to stop, wherever it runs. Returns the job, or None if it is finished or unknown."""
    return await db.imports.find_one_and_update(
        {"_id": identifier, **_UNFINISHED},
        {"$set": {"cancelRequested": True}},
        return_document=ReturnDocument.AFTER,
    )


async def request_undo(db: Database, identifier: str, statuses: Sequence[str]) -> Document | None:
    """Make a finished job one whose work is to be undone. Returns it, or None if it has none of these statuses."""
    return await db.imports.find_one_and_update(
        {"_id": identifier, "status": {"$in": list(statuses)}, "dryRun": False},
        {"$set": {"status": "QUEUED", "phase": "UNDO", "cancelRequested": False}},
        return_document=ReturnDocument.AFTER,
    )


async def add_results(
    db: Database, outcomes: Sequence[Document], problems: Sequence[Document], session: Session | None = None
) -> None:
    """Keep what became of rows, and what was wrong with them."""
    if outcomes:
        await db.import_outcomes.insert_many(outcomes, session=session)
    if problems:
        await db.import_problems.insert_many(problems, session=session)


async def clear_results(db: Database, identifier: str) -> None:
    """Forget what became of the rows, before a run that starts over."""
    await db.import_outcomes.delete_many({"importId": identifier})
    await db.import_problems.delete_many({"importId": identifier})


async def problems(db: Database, identifier: str, window: Window) -> Page:
    """One page of what was wrong with a job's rows, in the order of the rows."""
    return await pages.read(db.import_problems, {"importId": identifier}, PROBLEMS, window)


async def count_problems(db: Database, identifier: str) -> int:
    """How many problems the job's rows had."""
    return await db.import_problems.count_documents({"importId": identifier})


async def all_problems(db: Database, identifier: str) -> AsyncIterator[Document]:
    """Everything that was wrong with a job's rows, in the order of the rows."""
    async for problem in db.import_problems.find({"importId": identifier}, sort=[("key", 1)], batch_size=500):
        yield problem


async def first_problems(db: Database, identifier: str, places: Sequence[int]) -> dict[int, str]:
    """The message of the first problem of each of these rows of a job, by the row's place."""
    keys = {f"{place:010d}:000": place for place in places}
    cursor = db.import_problems.find({"importId": identifier, "key": {"$in": list(keys)}}, ["key", "message"])
    return {keys[problem["key"]]: problem["message"] async for problem in cursor}


async def outcomes(db: Database, identifier: str, since: str = "") -> AsyncGenerator[Document]:
    """What became of a job's rows, in chunks, in the order of deciding, from the chunk with this key."""
    query = {"importId": identifier, "key": {"$gte": since}}
    async for chunk in db.import_outcomes.find(query, sort=[("key", 1)], batch_size=8):
        yield chunk


async def last_outcome(db: Database, identifier: str) -> Document | None:
    """The latest chunk of outcomes that is not undone yet."""
    return await db.import_outcomes.find_one({"importId": identifier, "undone": {"$ne": True}}, sort=[("key", -1)])


async def mark_undone(db: Database, chunk: Document, session: Session) -> None:
    """Note that a chunk is undone, in the transaction that undoes it."""
    await db.import_outcomes.update_one({"_id": chunk["_id"]}, {"$set": {"undone": True}}, session=session)
