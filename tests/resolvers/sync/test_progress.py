"""One sync at a time: the lease, its fence, takeovers, and what is due."""

import asyncio
from datetime import timedelta

import pytest

from resolvers.caller import Caller
from resolvers.errors import SyncAlreadyRunning, SyncNotConfigured
from resolvers.sync import batch as sync_batch
from resolvers.sync import contacts as sync_contacts
from resolvers.sync import control, progress
from resolvers.sync.outcome import SkippedObject, WriteOptions
from resolvers.sync.progress import SyncRun
from resolvers.sync.request import SyncRequest
from storage.documents import now
from storage.driver import Database
from storage.lease import LeaseLost
from storage.sync import schedule
from tests.support.people import directory_contact


async def taken(caller: Caller, seconds: float = 30) -> SyncRun:
    """A run that holds the lease."""
    run = await progress.take(caller, SyncRequest(), seconds=seconds)
    assert run is not None
    return run


async def expire(db: Database) -> None:
    """Let the present lease run out."""
    await db.state.update_one({"_id": schedule.ID}, {"$set": {"lease.until": now() - timedelta(seconds=1)}})


async def test_one_at_a_time(sync_caller: Caller) -> None:
    """While a run holds the lease no other begins; afterwards one can."""
    run = await taken(sync_caller)
    assert await progress.take(sync_caller, SyncRequest()) is None
    await run.finish("SUCCEEDED")
    assert (await taken(sync_caller)).lease.token == run.lease.token + 1


async def test_one_of_many_begins(sync_caller: Caller) -> None:
    """Of many processes that find a cycle due at once, one begins it."""
    await schedule.confirm(sync_caller.db, "dc1", 30)
    runs = await asyncio.gather(*(progress.take(sync_caller) for _ in range(10)))
    assert sum(run is not None for run in runs) == 1


async def test_paused_holder_cannot_write(sync_caller: Caller) -> None:
    """A holder that was paused for so long that another took over can write nothing when it wakes."""
    paused = await taken(sync_caller)
    await expire(sync_caller.db)
    other = await taken(sync_caller)
    batch = [directory_contact()]
    for write in (
        sync_contacts.apply(sync_caller, batch, WriteOptions(paused.lease)),
        paused.finish("SUCCEEDED", done={"mark": {"usn": 1}, "domains": ["corp.example"], "server": "dc1"}),
    ):
        with pytest.raises(LeaseLost):
            await write
    assert await sync_caller.db.contacts.count_documents({}) == 0
    assert (await sync_contacts.apply(sync_caller, batch, WriteOptions(other.lease))).created


async def test_paused_holder_tells_nothing(sync_caller: Caller) -> None:
    """The record of a run that was taken over stays as it was closed, and no reasons are added to it."""
    paused = await taken(sync_caller)
    await expire(sync_caller.db)
    await taken(sync_caller)
    closed = await control.get_run(sync_caller, paused.id)
    for telling in (paused.enter("GROUPS"), paused.skip([SkippedObject("guid", "CN=Ann", "INVALID", "Why.")])):
        with pytest.raises(LeaseLost):
            await telling
    assert await control.get_run(sync_caller, paused.id) == closed
    assert await sync_caller.db.sync_skips.count_documents({}) == 0


async def test_takeover_during_a_write(sync_caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A takeover that comes between a holder's reading and its commit stops that commit."""
    paused = await taken(sync_caller)
    decided = sync_batch.Batch.decide

    async def overtaken(batch: sync_batch.Batch, session: object) -> object:
        changes = await decided(batch, session)  # type: ignore[arg-type] # the session it was given
        await expire(sync_caller.db)
        await progress.take(sync_caller, SyncRequest())
        return changes

    monkeypatch.setattr(sync_batch.Batch, "decide", overtaken)
    with pytest.raises(LeaseLost):
        await sync_contacts.apply(sync_caller, [directory_contact()], WriteOptions(paused.lease))
    assert await sync_caller.db.contacts.count_documents({}) == 0


async def test_killed_run_is_taken_over(sync_caller: Caller) -> None:
    """A run whose process was killed is begun anew by another, though none is due, and its record says so."""
    await schedule.confirm(sync_caller.db, "dc1", 30)
    killed = await progress.take(sync_caller)
    assert killed is not None
    assert await progress.take(sync_caller) is None
    await expire(sync_caller.db)
    other = await progress.take(sync_caller)
    assert other is not None
    assert (await control.get_run(sync_caller, killed.id))["status"] == "ABANDONED"
    assert (await control.status(sync_caller))["running"]["_id"] == other.id  # type: ignore[index] # it runs


async def test_killed_request_is_repeated(sync_caller: Caller, caller: Caller) -> None:
    """A run that was asked for and killed is repeated as it was asked for."""
    await schedule.confirm(sync_caller.db, "dc1", 30)
    await control.start(caller, SyncRequest(allow_deletions=True))
    killed = await progress.take(sync_caller)
    await expire(sync_caller.db)
    other = await progress.take(sync_caller)
    assert killed is not None
    assert other is not None
    assert (other.request, other.id == killed.id) == (SyncRequest(allow_deletions=True, requested_by="tester"), False)
    await other.finish("SUCCEEDED")
    assert await progress.take(sync_caller) is None


async def test_due_after_the_interval(sync_caller: Caller) -> None:
    """After a cycle the next is due an interval after its beginning; a dry run moves nothing."""
    await schedule.confirm(sync_caller.db, "dc1", 30)
    run = await progress.take(sync_caller)
    assert run is not None
    await run.finish("SUCCEEDED")
    following = (await control.status(sync_caller))["nextRunAt"]
    assert timedelta(minutes=29) < following - now() <= timedelta(minutes=30)  # type: ignore[operator] # a moment
    preview = await progress.take(sync_caller, SyncRequest(dry_run=True))
    assert preview is not None
    await preview.finish("SUCCEEDED")
    assert (await control.status(sync_caller))["nextRunAt"] == following


async def test_handed_back_run_is_due(sync_caller: Caller) -> None:
    """A run that ends with its process is due at once elsewhere."""
    await schedule.confirm(sync_caller.db, "dc1", 30)
    run = await progress.take(sync_caller)
    assert run is not None
    await run.hand_back()
    assert await progress.take(sync_caller) is not None


@pytest.mark.parametrize("killed", [False, True])
async def test_dry_run_that_ends_early(sync_caller: Caller, killed: bool) -> None:
    """A dry run by hand that is cancelled or killed makes no cycle due."""
    await schedule.confirm(sync_caller.db, "dc1", 30)
    due = await progress.take(sync_caller)
    assert due is not None
    await due.finish("SUCCEEDED")
    preview = await progress.take(sync_caller, SyncRequest(dry_run=True))
    assert preview is not None
    await (expire(sync_caller.db) if killed else preview.hand_back())
    assert await progress.take(sync_caller) is None
    following = await taken(sync_caller)
    assert (await control.get_run(sync_caller, preview.id))["status"] == "ABANDONED"
    assert following.request == SyncRequest()


async def test_dry_run_after_a_killed_cycle(sync_caller: Caller) -> None:
    """A dry run by hand that comes before a killed cycle is repeated does not stand for it."""
    await schedule.confirm(sync_caller.db, "dc1", 30)
    assert await progress.take(sync_caller)
    await expire(sync_caller.db)
    preview = await progress.take(sync_caller, SyncRequest(dry_run=True))
    assert preview is not None
    await preview.finish("SUCCEEDED")
    assert await progress.take(sync_caller) is not None


async def test_dry_run_that_was_asked_for_is_repeated(sync_caller: Caller, caller: Caller) -> None:
    """A dry run that was asked for and handed back is done as a dry run by another process."""
    await schedule.confirm(sync_caller.db, "dc1", 30)
    await control.start(caller, SyncRequest(dry_run=True))
    run = await progress.take(sync_caller)
    assert run is not None
    await run.hand_back()
    again = await progress.take(sync_caller)
    assert again is not None
    assert again.request.dry_run


async def test_asking_for_a_run(caller: Caller, sync_caller: Caller) -> None:
    """A run can be asked for where a service syncs and while none runs; its record is there at once."""
    with pytest.raises(SyncNotConfigured):
        await control.start(caller)
    await schedule.confirm(caller.db, "dc1", 30)
    asked = await control.start(caller, SyncRequest(dry_run=True))
    assert (await control.get_run(caller, asked["_id"]))["status"] == "QUEUED"
    with pytest.raises(SyncAlreadyRunning):
        await control.start(caller)
    run = await progress.take(sync_caller)
    assert run is not None
    assert (run.id, run.request) == (asked["_id"], SyncRequest(dry_run=True, requested_by="tester"))
    with pytest.raises(SyncAlreadyRunning):
        await control.start(caller)
    await run.finish("SUCCEEDED")
    await control.start(caller)
