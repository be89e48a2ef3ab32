"""One run at a time: the lease, its fence, expired leases, and when runs are due."""

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
    """Let the current lease expire."""
    await db.state.update_one({"_id": schedule.ID}, {"$set": {"lease.until": now() - timedelta(seconds=1)}})


async def test_one_at_a_time(sync_caller: Caller) -> None:
    """While a run holds the lease, no other can start; afterwards one can."""
    run = await taken(sync_caller)
    assert await progress.take(sync_caller, SyncRequest()) is None
    await run.finish("SUCCEEDED")
    assert (await taken(sync_caller)).lease.token == run.lease.token + 1


async def test_one_of_many_begins(sync_caller: Caller) -> None:
    """If many processes find a run due at the same time, only one starts it."""
    await schedule.confirm(sync_caller.db, "dc1", 30)
    runs = await asyncio.gather(*(progress.take(sync_caller) for _ in range(10)))
    assert sum(run is not None for run in runs) == 1


async def test_paused_holder_cannot_write(sync_caller: Caller) -> None:
    """A holder that was paused until another process took the lease can no longer write."""
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
    """The closed record of a run that lost its lease does not change, and no details are added to it."""
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
    """If another process takes the lease between a holder's read and its commit, the commit fails."""
    paused = await taken(sync_caller)
    decided = sync_batch.Batch.decide

    async def overtaken(batch: sync_batch.Batch, session: object) -> object:
        changes = await decided(batch, session)  # type: ignore[arg-type]  # passed through
        await expire(sync_caller.db)
        await progress.take(sync_caller, SyncRequest())
        return changes

    monkeypatch.setattr(sync_batch.Batch, "decide", overtaken)
    with pytest.raises(LeaseLost):
        await sync_contacts.apply(sync_caller, [directory_contact()], WriteOptions(paused.lease))
    assert await sync_caller.db.contacts.count_documents({}) == 0


async def test_killed_run_is_taken_over(sync_caller: Caller) -> None:
    """A run whose process was killed is repeated by another process, though no run is due; its record is closed."""
    await schedule.confirm(sync_caller.db, "dc1", 30)
    killed = await progress.take(sync_caller)
    assert killed is not None
    assert await progress.take(sync_caller) is None
    await expire(sync_caller.db)
    other = await progress.take(sync_caller)
    assert other is not None
    assert (await control.get_run(sync_caller, killed.id))["status"] == "ABANDONED"
    assert (await control.status(sync_caller))["running"]["_id"] == other.id  # type: ignore[index]  # it is running


async def test_killed_request_is_repeated(sync_caller: Caller, caller: Caller) -> None:
    """A requested run that is killed is repeated with the same options."""
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
    """After a run, the next one is due one interval after its start; a dry run does not change that."""
    await schedule.confirm(sync_caller.db, "dc1", 30)
    run = await progress.take(sync_caller)
    assert run is not None
    await run.finish("SUCCEEDED")
    following = (await control.status(sync_caller))["nextRunAt"]
    assert timedelta(minutes=29) < following - now() <= timedelta(minutes=30)  # type: ignore[operator]  # a datetime
    dry_run = await progress.take(sync_caller, SyncRequest(dry_run=True))
    assert dry_run is not None
    await dry_run.finish("SUCCEEDED")
    assert (await control.status(sync_caller))["nextRunAt"] == following


async def test_handed_back_run_is_due(sync_caller: Caller) -> None:
    """A run that ends with its process is due immediately for the others."""
    await schedule.confirm(sync_caller.db, "dc1", 30)
    run = await progress.take(sync_caller)
    assert run is not None
    await run.hand_back()
    assert await progress.take(sync_caller) is not None


@pytest.mark.parametrize("killed", [False, True])
async def test_dry_run_that_ends_early(sync_caller: Caller, killed: bool) -> None:
    """A manual dry run that is canceled or killed does not make a run due."""
    await schedule.confirm(sync_caller.db, "dc1", 30)
    due = await progress.take(sync_caller)
    assert due is not None
    await due.finish("SUCCEEDED")
    dry_run = await progress.take(sync_caller, SyncRequest(dry_run=True))
    assert dry_run is not None
    await (expire(sync_caller.db) if killed else dry_run.hand_back())
    assert await progress.take(sync_caller) is None
    following = await taken(sync_caller)
    assert (await control.get_run(sync_caller, dry_run.id))["status"] == "ABANDONED"
    assert following.request == SyncRequest()


async def test_dry_run_after_a_killed_run(sync_caller: Caller) -> None:
    """A manual dry run does not replace the repetition of a killed run."""
    await schedule.confirm(sync_caller.db, "dc1", 30)
    assert await progress.take(sync_caller)
    await expire(sync_caller.db)
    dry_run = await progress.take(sync_caller, SyncRequest(dry_run=True))
    assert dry_run is not None
    await dry_run.finish("SUCCEEDED")
    assert await progress.take(sync_caller) is not None


async def test_requested_dry_run_is_repeated(sync_caller: Caller, caller: Caller) -> None:
    """A requested dry run that is handed back is repeated as a dry run by another process."""
    await schedule.confirm(sync_caller.db, "dc1", 30)
    await control.start(caller, SyncRequest(dry_run=True))
    run = await progress.take(sync_caller)
    assert run is not None
    await run.hand_back()
    again = await progress.take(sync_caller)
    assert again is not None
    assert again.request.dry_run


async def test_asking_for_a_run(caller: Caller, sync_caller: Caller) -> None:
    """A run can be requested if a service syncs and no run is active; its record exists immediately."""
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
