"""The records of the runs of the Active Directory sync, kept for 30 days.

A run is `{status, dryRun, allowDeletions, full, requestedBy, server, fullReason, phase, processed, created, updated,
deleted, unchanged, skipped, groupsChanged, membershipsChanged, seconds, ldapSeconds, notes, problem, startedAt,
finishedAt}`.
Skipped objects and the differences of a dry run are separate documents, because there can be many.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from storage.documents import RETENTION, Document, new_id
from storage.driver import Collection, Database, Session
from storage.lists import find_command, pages
from storage.lists.pages import Ordering, Page, Window

LATEST_FIRST = Ordering("_id", descending=True, of="syncRuns")
Status = Literal["QUEUED", "RUNNING", "SUCCEEDED", "STOPPED", "FAILED", "ABANDONED"]
Kind = Literal["skips", "differences"]
DETAILS = {kind: Ordering("_id", of=f"sync {kind}") for kind in ("skips", "differences")}


async def insert(db: Database, run: Document, at: datetime, session: Session) -> None:
    """Add the record of a starting or queued run."""
    await db.sync_runs.insert_one({**run, "purgeAt": at + RETENTION}, session=session)


async def update(db: Database, identifier: str, fields: Document, session: Session | None = None) -> bool:
    """Set these fields of a run's record. Returns whether the record exists."""
    written = await db.sync_runs.update_one({"_id": identifier}, {"$set": fields}, session=session)
    return written.matched_count == 1


async def update_running(db: Database, identifier: str, fields: Document) -> bool:
    """Set these fields of a run's record if its status is RUNNING. Returns whether it is."""
    written = await db.sync_runs.update_one({"_id": identifier, "status": "RUNNING"}, {"$set": fields})
    return written.matched_count == 1


async def abandon(db: Database, identifier: str, at: datetime, session: Session) -> None:
    """Close the record of a killed run, if it is still open."""
    await db.sync_runs.update_one(
        {"_id": identifier, "status": {"$in": ["QUEUED", "RUNNING"]}},
        {"$set": {"status": "ABANDONED", "finishedAt": at}},
        session=session,
    )


async def abandon_queued(db: Database, at: datetime, session: Session) -> None:
    """Close the records of queued runs that no service will start."""
    await db.sync_runs.update_many(
        {"status": "QUEUED"}, {"$set": {"status": "ABANDONED", "finishedAt": at}}, session=session
    )


async def get(db: Database, identifier: str) -> Document | None:
    """The run with this ID, or None."""
    return await find_command.find_one(db.sync_runs, {"_id": identifier})


async def last(db: Database, statuses: Sequence[Status]) -> Document | None:
    """The latest run with one of these statuses."""
    return await find_command.find_one(db.sync_runs, {"status": {"$in": list(statuses)}}, sort={"_id": -1})


async def last_writing(db: Database, before: str) -> Document | None:
    """The latest ended run before this one that may have written contacts."""
    written = {"$in": ["SUCCEEDED", "FAILED", "ABANDONED"]}
    return await db.sync_runs.find_one({"_id": {"$lt": before}, "dryRun": False, "status": written}, sort=[("_id", -1)])


async def page(db: Database, window: Window) -> Page:
    """One page of the runs, latest first."""
    return await pages.read(db.sync_runs, {}, LATEST_FIRST, window)


async def count(db: Database) -> int:
    """The number of kept runs."""
    return await find_command.count(db.sync_runs, {})


async def add_details(db: Database, identifier: str, kind: Kind, found: Sequence[Document], at: datetime) -> bool:
    """Add skipped objects or differences to a run if its status is RUNNING. Returns whether it is."""
    documents = [{"_id": new_id(), "runId": identifier, "purgeAt": at + RETENTION, **each} for each in found]

    async def work(session: Session) -> bool:
        # A write rather than a read, so that closing the record at the same time causes a conflict.
        running = {"_id": identifier, "status": "RUNNING"}
        written = await db.sync_runs.update_one(running, {"$inc": {"details": len(found)}}, session=session)
        if written.matched_count:
            await _details(db, kind).insert_many(documents, session=session)
        return written.matched_count == 1

    return await db.transaction(work)


async def detail_page(db: Database, identifier: str, kind: Kind, window: Window) -> Page:
    """One page of what a run skipped or would change, in the order in which the run found it."""
    return await pages.read(_details(db, kind), {"runId": identifier}, DETAILS[kind], window)


async def count_details(db: Database, identifier: str, kind: Kind) -> int:
    """The number of details of this kind that a run has."""
    return await find_command.count(_details(db, kind), {"runId": identifier})


def _details(db: Database, kind: Kind) -> Collection:
    return db.sync_skips if kind == "skips" else db.sync_differences
