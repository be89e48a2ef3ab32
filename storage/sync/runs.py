"""The records of the cycles of the Active Directory sync, kept for 30 days.

A run is `{status, dryRun, allowDeletions, full, requestedBy, server, fullReason, phase, processed, created, updated,
deleted, unchanged, skipped, groupsChanged, membershipsChanged, seconds, ldapSeconds, notes, problem, startedAt,
finishedAt}`.
What was skipped and why, and what a dry run would change, are documents of their own: there may be many.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from storage.documents import RETENTION, Document, new_id
from storage.driver import Collection, Database, Session
from storage.lists import pages
from storage.lists.pages import Ordering, Page, Window

LATEST_FIRST = Ordering("_id", descending=True, of="syncRuns")
Status = Literal["QUEUED", "RUNNING", "SUCCEEDED", "STOPPED", "FAILED", "ABANDONED"]
Kind = Literal["skips", "differences"]
DETAILS = {kind: Ordering("_id", of=f"sync {kind}") for kind in ("skips", "differences")}


async def insert(db: Database, run: Document, at: datetime, session: Session) -> None:
    """Add the record of a run that begins, or waits to."""
    await db.sync_runs.insert_one({**run, "purgeAt": at + RETENTION}, session=session)


async def update(db: Database, identifier: str, fields: Document, session: Session | None = None) -> bool:
    """Set these fields of a run's record. Returns whether there is one."""
    written = await db.sync_runs.update_one({"_id": identifier}, {"$set": fields}, session=session)
    return written.matched_count == 1


async def tell(db: Database, identifier: str, fields: Document) -> bool:
    """Set these fields of the record of a run that goes on. Returns whether it does, for all that is known here."""
    written = await db.sync_runs.update_one({"_id": identifier, "status": "RUNNING"}, {"$set": fields})
    return written.matched_count == 1


async def abandon(db: Database, identifier: str, at: datetime, session: Session) -> None:
    """Close the record of a run whose process was killed, if it is still open."""
    await db.sync_runs.update_one(
        {"_id": identifier, "status": {"$in": ["QUEUED", "RUNNING"]}},
        {"$set": {"status": "ABANDONED", "finishedAt": at}},
        session=session,
    )


async def abandon_queued(db: Database, at: datetime, session: Session) -> None:
    """Close the records of runs that were asked for, and that no service will begin."""
    await db.sync_runs.update_many(
        {"status": "QUEUED"}, {"$set": {"status": "ABANDONED", "finishedAt": at}}, session=session
    )


async def get(db: Database, identifier: str) -> Document | None:
    """The run with this id."""
    return await db.sync_runs.find_one({"_id": identifier})


async def last(db: Database, statuses: Sequence[Status]) -> Document | None:
    """The latest run with one of these statuses."""
    return await db.sync_runs.find_one({"status": {"$in": list(statuses)}}, sort=[("_id", -1)])


async def last_writing(db: Database, before: str) -> Document | None:
    """The latest run before this one that may have written contacts and has ended, in whatever way."""
    written = {"$in": ["SUCCEEDED", "FAILED", "ABANDONED"]}
    return await db.sync_runs.find_one({"_id": {"$lt": before}, "dryRun": False, "status": written}, sort=[("_id", -1)])


async def page(db: Database, window: Window) -> Page:
    """One page of the runs, the latest first."""
    return await pages.read(db.sync_runs, {}, LATEST_FIRST, window)


async def count(db: Database) -> int:
    """How many runs are kept."""
    return await db.sync_runs.count_documents({})


async def add_details(db: Database, identifier: str, kind: Kind, found: Sequence[Document], at: datetime) -> bool:
    """Keep what a run skipped, or what it would change, while it goes on. Returns whether it does."""
    documents = [{"_id": new_id(), "runId": identifier, "purgeAt": at + RETENTION, **each} for each in found]

    async def work(session: Session) -> bool:
        # A write, so that whoever closes the record meanwhile is noticed.
        going_on = {"_id": identifier, "status": "RUNNING"}
        written = await db.sync_runs.update_one(going_on, {"$inc": {"details": len(found)}}, session=session)
        if written.matched_count:
            await _details(db, kind).insert_many(documents, session=session)
        return written.matched_count == 1

    return await db.transaction(work)


async def detail_page(db: Database, identifier: str, kind: Kind, window: Window) -> Page:
    """One page of what a run skipped, or would change, in the order in which it was met."""
    return await pages.read(_details(db, kind), {"runId": identifier}, DETAILS[kind], window)


async def count_details(db: Database, identifier: str, kind: Kind) -> int:
    """How many details of a kind a run has."""
    return await _details(db, kind).count_documents({"runId": identifier})


def _details(db: Database, kind: Kind) -> Collection:
    return db.sync_skips if kind == "skips" else db.sync_differences
