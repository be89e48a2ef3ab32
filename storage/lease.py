"""Leases: let one process at a time work on a document, such as an import job or the schedule of the sync.

The document names its holder as `lease: {token, holder, until}`:

- A process can take a lease that is free: never taken, released or expired. Taking it increments the token and sets
  the holder.
- The holder renews the lease three times per period. If its process is killed, the lease expires and another process
  continues.
- Every write of the holder has the condition `held`: the same token, and a lease that was not released. After another
  process takes the lease, such a write matches nothing and raises `LeaseLost`, however long the holder was paused. A
  transaction that writes other documents writes the leased one, too (`fence`), so that it cannot commit after that.
- Releasing removes the holder and the expiry time, so that another process can take the lease immediately. The token
  remains, because it must never decrease.

All times come from the database server's clock, so clocks of different machines are never compared.
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
"""The expression for a free lease. A missing time compares as less than any time."""
FREE: Document = {"$expr": IS_FREE}


class LeaseLost(Exception):
    """Raised when the lease is no longer held: nothing was written, and the former holder must stop writing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a document until another process takes the lease with a greater token.

    `during`: fields that the document must have while the lease is held.
    """

    collection: Collection
    id: str
    token: int
    seconds: float
    during: Document = field(default_factory=dict)


async def take(
    collection: Collection, query: Document, seconds: float, during: Document | None = None
) -> tuple[Lease, Document] | None:
    """Take the lease of the first free document that matches, and set the fields `during`.

    Returns the lease and the document, or None if no document is free.
    """
    during = during or {}
    free = {"$and": [query, FREE]}
    if await collection.find_one(free, ["_id"]) is None:  # polled every second: usually there is nothing to write
        return None
    token = {"$add": [{"$ifNull": ["$lease.token", 0]}, 1]}
    lease = {"token": token, "holder": f"{socket.gethostname()}/{os.getpid()}", "until": after(seconds)}
    taken = await collection.find_one_and_update(
        free, [{"$set": {**during, "lease": lease}}], sort=[("_id", 1)], return_document=ReturnDocument.AFTER
    )
    return (Lease(collection, taken["_id"], taken["lease"]["token"], seconds, during), taken) if taken else None


def held(lease: Lease) -> Document:
    """The query for the leased document, required by every write of the holder."""
    return {"_id": lease.id, "lease.token": lease.token, "lease.holder": {"$exists": True}, **lease.during}


async def renew(lease: Lease) -> None:
    """Extend the lease to its full period from now. Raises `LeaseLost`."""
    await _write(lease, [{"$set": {"lease.until": after(lease.seconds)}}])


@asynccontextmanager
async def keep(lease: Lease) -> AsyncIterator[None]:
    """Renew the lease while the block runs. If the lease is lost, the next write of the block raises `LeaseLost`."""
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
    """Make the transaction fail unless the lease is held, both now and at commit. Raises `LeaseLost`."""
    await _write(lease, {"$inc": {"lease.writes": 1}}, session)


async def release(
    lease: Lease, fields: Document | None = None, session: Session | None = None, *, drop: Iterable[str] = ()
) -> None:
    """Release the lease immediately, set `fields` of the document and remove those in `drop`. Raises `LeaseLost`."""
    dropped = dict.fromkeys(("lease.holder", "lease.until", *drop), "")
    await _write(lease, {"$set": fields or {}, "$unset": dropped}, session)


def after(seconds: float) -> Document:
    """The expression for the time this many seconds from now."""
    return {"$add": ["$$NOW", round(seconds * 1000)]}


async def _renew_until_lost(lease: Lease) -> None:
    with suppress(LeaseLost):
        while True:
            await asyncio.sleep(lease.seconds / 3)
            try:
                await renew(lease)
            except PyMongoError as error:  # the database is restarting or temporarily unavailable
                log.warning("lease not renewed", id=lease.id, error=str(error))


async def _write(lease: Lease, change: Document | list[Document], session: Session | None = None) -> None:
    written = await lease.collection.update_one(held(lease), change, session=session)
    if not written.matched_count:
        raise LeaseLost
