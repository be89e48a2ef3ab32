"""Leases of documents: who may take them, keep them, and write under them."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from storage.documents import Document
from storage.driver import Database, Session
from storage.lease import Lease, LeaseLost, fence, keep, release, renew, set_fields, take
from tests.support import waiting

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
async def lease(db: Database) -> Lease:
    """A lease of a document that is RUNNING while the lease is held."""
    await db.imports.insert_one({"_id": "work", "status": "QUEUED", "run": 1})
    return await taken(db)


async def taken(db: Database, seconds: float = 30) -> Lease:
    """The lease, which must be free."""
    found = await take(db.imports, {"_id": "work"}, seconds, {"status": "RUNNING"})
    assert found is not None
    return found[0]


async def expire(lease: Lease) -> None:
    """Let the lease expire."""
    await lease.collection.update_one({"_id": lease.id}, {"$set": {"lease.until": LONG_AGO}})


async def document(lease: Lease) -> Document:
    """The leased document."""
    found = await lease.collection.find_one({"_id": lease.id})
    assert found is not None
    return found


async def renewed(lease: Lease) -> None:
    """Wait until an expired lease is renewed."""
    await waiting.until(lambda: document(lease), lambda found: found["lease"]["until"] != LONG_AGO)


async def test_one_of_many_takes_it(db: Database) -> None:
    """If several processes want a free document at once, one gets its lease, and the token increases."""
    await db.imports.insert_one({"_id": "work"})
    found = await asyncio.gather(*(take(db.imports, {"_id": "work"}, 30) for _ in range(10)))
    assert [each[0].token for each in found if each] == [1]
    assert await take(db.imports, {"_id": "work"}, 30) is None


async def test_the_first_free_one_is_taken(db: Database) -> None:
    """Of several matching documents, the first one without a holder is taken."""
    await db.imports.insert_many([{"_id": "a", "open": True}, {"_id": "b"}, {"_id": "c", "open": True}])
    found = [await take(db.imports, {"open": True}, 30) for _ in range(3)]
    assert [each and each[0].id for each in found] == ["a", "c", None]


async def test_a_paused_holder_writes_nothing(db: Database, lease: Lease) -> None:
    """After another process has taken the lease, writes of the previous holder have no effect."""
    await set_fields(lease, {"run": 2})
    await expire(lease)
    await set_fields(lease, {"run": 3})  # expired, but not taken by anyone else
    assert (await taken(db)).token == lease.token + 1
    before = await document(lease)

    async def fenced(session: Session) -> None:
        await fence(lease, session)

    for write in (set_fields(lease, {"run": 4}), renew(lease), release(lease), db.transaction(fenced)):
        with pytest.raises(LeaseLost):
            await write
    assert await document(lease) == before


async def test_a_takeover_stops_a_transaction(db: Database, lease: Lease) -> None:
    """A fenced transaction does not commit if the lease is taken by another process before it writes."""
    await expire(lease)

    async def overtaken(session: Session) -> None:
        await db.contacts.find_one({}, session=session)  # from here on, the transaction sees the lease as held
        if (await document(lease))["lease"]["token"] == lease.token:
            await taken(db)
        await fence(lease, session)
        await db.history.insert_one({"_id": "written"}, session=session)

    with pytest.raises(LeaseLost):
        await db.transaction(overtaken)
    assert await db.history.count_documents({}) == 0


async def test_released(db: Database, lease: Lease) -> None:
    """A released lease can be taken immediately, and its former holder can neither renew it nor write."""
    await release(lease, {"step": 2}, drop=("run",))
    assert await document(lease) == {"_id": "work", "status": "RUNNING", "step": 2, "lease": {"token": 1}}
    for write in (renew(lease), set_fields(lease, {"run": 2})):
        with pytest.raises(LeaseLost):
            await write
    assert (await taken(db)).token == 2


async def test_held_while_the_document_is_so(lease: Lease) -> None:
    """A holder cannot write after the document has changed from its state while held."""
    await lease.collection.update_one({"_id": lease.id}, {"$set": {"status": "SUCCEEDED"}})
    with pytest.raises(LeaseLost):
        await set_fields(lease, {"run": 2})


async def test_kept(lease: Lease) -> None:
    """A lease is renewed repeatedly while its block runs."""
    async with keep(replace(lease, seconds=0.1)):
        for _ in range(3):
            await expire(lease)
            await renewed(lease)


async def test_kept_through_outages(db: Database, lease: Lease) -> None:
    """A renewal that the database refuses is retried until it succeeds."""
    await expire(lease)
    await db.mongo.command("collMod", "imports", validator={"never": True})
    with capture_logs() as logs:
        async with keep(replace(lease, seconds=0.1)):
            try:
                await waiting.reached(lambda: logs)
            finally:
                await db.mongo.command("collMod", "imports", validator={})
            await renewed(lease)
    assert logs[0]["event"] == "lease not renewed"
