"""What the sync has to do: one document, `{_id: "directorySync"}`, whose lease the process that syncs holds.

`{lease, runId, dryRun, request: {runId, dryRun, allowDeletions, full, …}, server, intervalMinutes, nextRunAt,
scheduledAt}`: `runId` is the run of the holder, or of one that was killed, which is repeated unless it was a dry run;
`nextRunAt` is there while a service has a schedule, which it confirms now and then (`scheduledAt`).
"""

from datetime import datetime

from storage.documents import Document
from storage.driver import Database, Session
from storage.lease import FREE, IS_FREE, Lease, after, held, release, set_fields
from storage.lease import take as take_lease

ID = "directorySync"
_DUE: Document = {
    "$or": [
        {"request": {"$exists": True}},
        {"runId": {"$exists": True}, "dryRun": {"$ne": True}},
        {"$expr": {"$and": [{"$gt": ["$nextRunAt", None]}, {"$lte": ["$nextRunAt", "$$NOW"]}]}},
    ]
}


async def read(db: Database) -> Document:
    """The document, empty if nothing ever synced, with `held`: whether someone holds the lease now."""
    cursor = await db.aggregate(db.state, [{"$match": {"_id": ID}}, {"$set": {"held": {"$not": IS_FREE}}}])
    found = await cursor.to_list(None)
    return found[0] if found else {}


async def take(db: Database, seconds: float, *, due: bool) -> tuple[Lease, Document] | None:
    """The lease and its document, or None if someone holds it or, with `due`, if there is nothing to do."""
    if not due:  # there may be no document yet
        await db.state.update_one({"_id": ID}, {"$setOnInsert": {}}, upsert=True)
    return await take_lease(db.state, {"_id": ID} | (_DUE if due else {}), seconds)


async def begin(lease: Lease, run: str, session: Session, *, dry_run: bool) -> None:
    """Record the run that the lease is held for. Raises `LeaseLost`."""
    await set_fields(lease, {"runId": run, "dryRun": dry_run}, session)


async def end(lease: Lease, session: Session, *, served: bool) -> None:
    """End the lease and the run, and the request if that is what it served. Raises `LeaseLost`."""
    await release(lease, session=session, drop=("runId", "dryRun", *(["request"] if served else [])))


async def request(db: Database, wanted: Document, session: Session) -> bool:
    """Ask for a run. Returns whether it will be done: not while another runs or is asked for."""
    asked = await db.state.update_one(
        {"_id": ID, "nextRunAt": {"$ne": None}, "request": {"$exists": False}, **FREE},
        {"$set": {"request": wanted}},
        session=session,
    )
    return asked.matched_count == 1


async def confirm(db: Database, server: str, interval_minutes: int) -> None:
    """Say that this service syncs from `server` at this interval: at once for the first time, then now and then."""
    latest: Document = {"$dateAdd": {"startDate": "$$NOW", "unit": "minute", "amount": interval_minutes}}
    following = {"$min": [{"$ifNull": ["$nextRunAt", "$$NOW"]}, latest]}
    await db.state.update_one(
        {"_id": ID},
        [
            {
                "$set": {
                    "server": server,
                    "intervalMinutes": interval_minutes,
                    "nextRunAt": following,
                    "scheduledAt": "$$NOW",
                }
            }
        ],
        upsert=True,
    )


async def withdraw(db: Database, seconds: float, session: Session | None = None) -> bool:
    """Say that no service syncs by itself, unless one said within these seconds that it does. Returns whether so."""
    silent = {"$expr": {"$lt": ["$scheduledAt", after(-seconds)]}}  # whoever never said so is silent, too
    written = await db.state.update_one(
        {"_id": ID, "nextRunAt": {"$exists": True}, **silent},
        {"$unset": {"nextRunAt": "", "intervalMinutes": "", "scheduledAt": "", "request": ""}},
        session=session,
    )
    return written.modified_count == 1


async def plan_next(lease: Lease, at: datetime, session: Session) -> None:
    """Set when the next cycle is due, if there is a schedule."""
    scheduled = {**held(lease), "nextRunAt": {"$exists": True}}
    await lease.collection.update_one(scheduled, {"$set": {"nextRunAt": at}}, session=session)
