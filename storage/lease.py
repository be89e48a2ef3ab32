"""Leases: one process at a time works on a document, such as an import job or the schedule of the sync.

The document says who works on it, as `lease: {token, holder, until}`:

- A process takes the lease of a document that is free: nobody has held it, its holder released it, or its time is up.
  Taking raises the token and names the holder.
- The holder renews the lease every third of its time. When its process is killed, the lease runs out, and another
  process continues.
- Every write of the holder is conditional on `held`: its token, and that the lease was not released. After a takeover
  such a write matches nothing and raises `LeaseLost`, however long the holder was paused. A transaction that writes
  other documents writes the leased one as well (`fence`), so that a takeover before its commit stops it.
- Releasing removes holder and time, so that another process can take the lease at once. The token stays: it never
  counts down.

Only the server's clock counts, so that no two machines' clocks are compared.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import structlog
from pymongo import ReturnDocument
from pymongo.errors import PyMongoError

from storage.documents import Document
from storage.driver import Collection, Session

log = structlog.get_logger(__name__)

IS_FREE: Document = {"$lt": ["$lease.until", "$$NOW"]}
"""The expression by which a lease is free: what is missing is less than any time."""
FREE: Document = {"$expr": IS_FREE}


class LeaseLost(Exception):
    """Raised when the lease is no longer held: nothing was written, and nothing more must be."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a document, as long as nobody takes it under a greater token.

    `during`: fields that the document has while the lease is held.
    """

    collection: Collection
    id: str
    token: int
    seconds: float
    during: Document = field(default_factory=dict)


async def take(
    collection: Collection, query: Document, seconds: float, during: Document | None = None
) -> tuple[Lease, Document] | None:
    """Take the lease of the first free document that matches, and set its fields `during`. Returns both, or None."""
    during = during or {}
    wanted = {"$and": [query, FREE]}
    if await collection.find_one(wanted, ["_id"]) is None:  # asked every second: most often there is nothing to write
        return None
    token = {"$add": [{"$ifNull": ["$lease.token", 0]}, 1]}
    lease = {"token": token, "holder": f"{socket.gethostname()}/{os.getpid()}", "until": after(seconds)}
    taken = await collection.find_one_and_update(
        wanted, [{"$set": {**during, "lease": lease}}], sort=[("_id", 1)], return_document=ReturnDocument.AFTER
    )
    return (Lease(collection, taken["_id"], taken["lease"]["token"], seconds, during), taken) if taken else None


def held(lease: Lease) -> Document:
    """The condition of every write of the holder."""
    return {"_id": lease.id, "lease.token": lease.token, "lease.holder": {"$exists": True}, **lease.during}


async def renew(lease: Lease) -> None:
    """Hold the lease for its time from now on. Raises `LeaseLost`."""
    await _write(lease, [{"$set": {"lease.until": after(lease.seconds)}}])


@asynccontextmanager
async def keep(lease: Lease) -> AsyncIterator[None]:
    """Renew the lease while the block runs. If it is lost, the block learns that from its next write."""
    renewing = asyncio.create_task(_renew_until_lost(lease))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)


async def set_fields(lease: Lease, fields: Document, session: Session | None = None) -> None:
    """Set fields of the leased document. Raises `LeaseLost`."""
    await _write(lease, {"$set": fields}, session)


async def fence(lease: Lease, session: Session) -> None:
    """Make the transaction fail unless the lease is held, now and when it commits. Raises `LeaseLost`."""
    await _write(lease, {"$inc": {"lease.writes": 1}}, session)


async def release(
    lease: Lease, fields: Document | None = None, session: Session | None = None, *, drop: Iterable[str] = ()
) -> None:
    """Let any process take the lease at once; set these fields of the document and drop those. Raises `LeaseLost`."""
    dropped = dict.fromkeys(("lease.holder", "lease.until", *drop), "")
    await _write(lease, {"$set": fields or {}, "$unset": dropped}, session)


def after(seconds: float) -> Document:
    """The expression for the time so many seconds from now."""
    return {"$add": ["$$NOW", round(seconds * 1000)]}


async def _renew_until_lost(lease: Lease) -> None:
    with suppress(LeaseLost):
        while True:
            await asyncio.sleep(lease.seconds / 3)
            try:
                await renew(lease)
            except PyMongoError as error:  # the database restarts, or cannot be reached for a while
                log.warning("lease not renewed", id=lease.id, error=str(error))


async def _write(lease: Lease, change: Document | list[Document], session: Session | None = None) -> None:
    written = await lease.collection.update_one(held(lease), change, session=session)
    if not written.matched_count:
        raise LeaseLost
