"""Idempotency keys in tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from resolvers.caller import Caller
from resolvers.idempotency import keyed
from storage.documents import new_id
from storage.driver import Database
from storage.lease import Lease
from storage.requests import idempotency


def retrying(caller: Caller, key: str | None = None) -> Caller:
    """The caller with a new key, or with this one."""
    return keyed(caller, key or new_id())


@asynccontextmanager
async def running(db: Database, caller_id: str, key: str) -> AsyncIterator[Lease]:
    """Someone runs the request with this key until the block ends."""
    lease = await idempotency.claim(db, caller_id, key)
    assert isinstance(lease, Lease)
    yield lease
    await idempotency.free(lease)


async def a_minute_passes(db: Database) -> None:
    """Let the leases of all keys end, as they do when their processes died a minute ago."""
    ended = datetime(2026, 1, 1, tzinfo=UTC)
    await db.idempotency_keys.update_many({"lease": {"$exists": True}}, {"$set": {"lease.until": ended}})
