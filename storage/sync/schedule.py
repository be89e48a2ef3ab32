"""The schedule of the sync: one document, `{_id: "directorySync"}`, whose lease is held by the process that syncs.

`{lease, runId, dryRun, request: {runId, dryRun, allowDeletions, full, …}, server, intervalMinutes, nextRunAt,
scheduledAt}`. `runId`: the run of the holder, or of a killed process; that run is repeated unless it was a dry run.
`nextRunAt`: set while a service syncs on a schedule, which it confirms regularly (`scheduledAt`).
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
    """The document plus `held`, whether the lease is held now. Empty if there was never a schedule or a run."""
    cursor = await db.aggregate(db.state, [{"$match": {"_id": ID}}, {"$set": {"held": {"$not": IS_FREE}}}])
    found = await cursor.to_list(None)
    return found[0] if found else {}


async def take(db: Database, seconds: float, *, due: bool) -> tuple[Lease, Document] | None:
    """Take the lease, and return it with its document. None if it is held, or if `due` and no run is due or queued."""
    if not due:  # there may be no document yet
        await db.state.update_one({"_id": ID}, {"$setOnInsert": {}}, upsert=True)
    return await take_lease(db.state, {"_id": ID} | (_DUE if due else {}), seconds)


async def begin(lease: Lease, run: str, session: Session, *, dry_run: bool) -> None:
    """Record the run that the lease is for. Raises `LeaseLost`."""
    await set_fields(lease, {"runId": run, "dryRun": dry_run}, session)


async def end(lease: Lease, session: Session, *, served: bool) -> None:
    """Release the lease and remove the run, and the request if the run `served` it. Raises `LeaseLost`."""
    await release(lease, session=session, drop=("runId", "dryRun", *(["request"] if served else [])))


async def request(db: Database, queued: Document, session: Session) -> bool:
    """Queue a run. Returns False if a run is active or queued, or if no service syncs."""
    written = await db.state.update_one(
        {"_id": ID, "nextRunAt": {"$ne": None}, "request": {"$exists": False}, **FREE},
        {"$set": {"request": queued}},
        session=session,
    )
    return written.matched_count == 1


async def confirm(db: Database, server: str, interval_minutes: int) -> None:
    """Record that a service syncs from `server` at this interval. Services confirm this at startup and regularly."""
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
    """Remove the schedule unless a service confirmed it in the last `seconds`. Returns whether it was removed."""
    silent = {"$expr": {"$lt": ["$scheduledAt", after(-seconds)]}}  # also true if never confirmed
    written = await db.state.update_one(
        {"_id": ID, "nextRunAt": {"$exists": True}, **silent},
        {"$unset": {"nextRunAt": "", "intervalMinutes": "", "scheduledAt": "", "request": ""}},
        session=session,
    )
    return written.modified_count == 1


async def plan_next(lease: Lease, at: datetime, session: Session) -> None:
    """Set the time of the next run, if there is a schedule."""
    scheduled = {**held(lease), "nextRunAt": {"$exists": True}}
    await lease.collection.update_one(scheduled, {"$set": {"nextRunAt": at}}, session=session)
