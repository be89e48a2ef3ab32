"""Who may sync: one document, `{_id: "directorySync"}`, that says who holds the lease, until when, and what is due.

The holder renews the lease while it works; whoever finds it run out takes it, with the next token. Every transaction
of a cycle writes this document under its token (`fence`), so that a holder that was paused and lost the lease can
write nothing any more. Time is the server's, so that no two machines' clocks are compared.

`{token, holder, until, runId, dryRun, request: {runId, dryRun, allowDeletions, full, …}, server, intervalMinutes,
nextRunAt, scheduledAt}`: `runId` is the run of the holder, or of one that was killed, which is repeated unless it was a
dry run; `nextRunAt` is there while a service has a schedule, which it confirms now and then (`scheduledAt`).
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog
from pymongo import ReturnDocument
from pymongo.errors import PyMongoError

from storage.documents import Document
from storage.driver import Database, Session

log = structlog.get_logger(__name__)

ID = "directorySync"
_FREE: Document = {"$or": [{"until": None}, {"$expr": {"$lt": ["$until", "$$NOW"]}}]}
_DUE: Document = {
    "$or": [
        {"request": {"$exists": True}},
        {"runId": {"$exists": True}, "dryRun": {"$ne": True}},
        {"$expr": {"$and": [{"$gt": ["$nextRunAt", None]}, {"$lte": ["$nextRunAt", "$$NOW"]}]}},
    ]
}


class LeaseLost(Exception):
    """Raised when another process holds the lease by now: whatever was about to be written must not be."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to sync, as long as nobody holds a greater token."""

    token: int
    seconds: float


async def read(db: Database) -> Document:
    """The document, empty if nothing ever synced, with `held`: whether someone holds the lease now."""
    cursor = await db.aggregate(
        db.state, [{"$match": {"_id": ID}}, {"$set": {"held": {"$gt": [{"$ifNull": ["$until", None]}, "$$NOW"]}}}]
    )
    found = await cursor.to_list(None)
    return found[0] if found else {}


async def take(db: Database, holder: str, seconds: float, *, due: bool) -> tuple[Lease, Document] | None:
    """The lease and its document, or None if someone holds it or, with `due`, if there is nothing to do."""
    query: Document = {"_id": ID, "$and": [_FREE, *([_DUE] if due else [])]}
    if not due:
        await db.state.update_one({"_id": ID}, {"$setOnInsert": {"token": 0}}, upsert=True)
    elif await db.state.find_one(query, ["_id"]) is None:  # asked every second: most often there is nothing to write
        return None
    taken = await db.state.find_one_and_update(
        query,
        [{"$set": {"token": {"$add": [{"$ifNull": ["$token", 0]}, 1]}, "holder": holder, "until": _in(seconds)}}],
        return_document=ReturnDocument.AFTER,
    )
    return (Lease(taken["token"], seconds), taken) if taken else None


async def renew(db: Database, lease: Lease) -> None:
    """Hold the lease for its time from now on. Raises `LeaseLost`."""
    renewed = await db.state.update_one(_held(lease), [{"$set": {"until": _in(lease.seconds)}}])
    if not renewed.matched_count:
        raise LeaseLost


async def keep(db: Database, lease: Lease) -> None:
    """Renew the lease in time, again and again, until it is lost. Outages of the database are waited out."""
    with suppress(LeaseLost):
        while True:
            await asyncio.sleep(lease.seconds / 3)
            try:
                await renew(db, lease)
            except PyMongoError as error:
                log.warning("lease not renewed", error=str(error))


async def fence(db: Database, lease: Lease, session: Session, fields: Document | None = None) -> None:
    """Make the transaction fail unless the lease is held, now and when it commits. Raises `LeaseLost`."""
    written = await db.state.update_one(
        _held(lease), {"$inc": {"writes": 1}, **({"$set": fields} if fields else {})}, session=session
    )
    if not written.matched_count:
        raise LeaseLost


async def give_back(db: Database, lease: Lease, session: Session, *, served: bool) -> None:
    """End the lease and the run, and the request if that is what it served. Raises `LeaseLost`."""
    fields = ("holder", "until", "runId", "dryRun", *(["request"] if served else []))
    ended = await db.state.update_one(_held(lease), {"$unset": dict.fromkeys(fields, "")}, session=session)
    if not ended.matched_count:
        raise LeaseLost


async def let_go(db: Database, lease: Lease, session: Session) -> None:
    """Let another process take the lease and repeat the run. Raises `LeaseLost`."""
    ended = await db.state.update_one(_held(lease), {"$unset": {"holder": "", "until": ""}}, session=session)
    if not ended.matched_count:
        raise LeaseLost


async def request(db: Database, wanted: Document, session: Session) -> bool:
    """Ask for a run. Returns whether it will be done: not while another runs or is asked for."""
    asked = await db.state.update_one(
        {"_id": ID, "nextRunAt": {"$ne": None}, "request": {"$exists": False}, **_FREE},
        {"$set": {"request": wanted}},
        session=session,
    )
    return asked.matched_count == 1


async def schedule(db: Database, server: str, interval_minutes: int) -> None:
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


async def unschedule(db: Database, seconds: float, session: Session | None = None) -> bool:
    """Say that no service syncs by itself, unless one said within these seconds that it does. Returns whether so."""
    silent = {"$expr": {"$lt": ["$scheduledAt", _in(-seconds)]}}  # whoever never said so is silent, too
    written = await db.state.update_one(
        {"_id": ID, "nextRunAt": {"$exists": True}, **silent},
        {"$unset": {"nextRunAt": "", "intervalMinutes": "", "scheduledAt": "", "request": ""}},
        session=session,
    )
    return written.modified_count == 1


async def plan_next(db: Database, lease: Lease, at: datetime, session: Session) -> None:
    """Set when the next cycle is due, if there is a schedule."""
    await db.state.update_one(
        {**_held(lease), "nextRunAt": {"$exists": True}}, {"$set": {"nextRunAt": at}}, session=session
    )


def _held(lease: Lease) -> Document:
    return {"_id": ID, "token": lease.token, "holder": {"$exists": True}}


def _in(seconds: float) -> Document:
    return {"$add": ["$$NOW", round(seconds * 1000)]}
