"""One sync at a time: the lease, its fence, takeovers, and what is due."""

import asyncio
from datetime import timedelta

import pytest

from resolvers.caller import Directory
from resolvers.errors import SyncAlreadyRunning, SyncNotConfigured
from resolvers.sync import batch as sync_batch
from resolvers.sync import contacts, control, progress
from resolvers.sync.outcome import Skipped, Terms
from resolvers.sync.progress import Run
from resolvers.sync.request import Wanted
from storage.documents import now
from storage.driver import Database
from storage.sync import lease
from storage.sync.lease import LeaseLost
from tests.people import directory_contact


async def taken(directory: Directory, seconds: float = 30) -> Run:
    """A run that holds the lease."""
    run = await progress.take(directory, Wanted(), seconds=seconds)
    assert run is not None
    return run


async def expire(db: Database) -> None:
    """Let the present lease run out."""
    await db.state.update_one({"_id": lease.ID}, {"$set": {"until": now() - timedelta(seconds=1)}})


async def test_one_at_a_time(sync_directory: Directory) -> None:
    """While a run holds the lease no other begins; afterwards one can."""
    run = await taken(sync_directory)
    assert await progress.take(sync_directory, Wanted()) is None
    await run.finish("SUCCEEDED")
    assert (await taken(sync_directory)).lease.token == run.lease.token + 1


async def test_one_of_many_begins(sync_directory: Directory) -> None:
    """Of many processes that find a cycle due at once, one begins it."""
    await lease.schedule(sync_directory.db, "dc1", 30)
    runs = await asyncio.gather(*(progress.take(sync_directory) for _ in range(10)))
    assert sum(run is not None for run in runs) == 1


async def test_lease_is_kept(sync_directory: Directory) -> None:
    """A run that goes on holds its lease for longer than the lease's time."""
    run = await taken(sync_directory, seconds=1)
    async with run.held():
        await asyncio.sleep(1.5)
        assert await progress.take(sync_directory, Wanted()) is None


async def test_paused_holder_cannot_write(sync_directory: Directory) -> None:
    """A holder that was paused for so long that another took over can write nothing when it wakes."""
    paused = await taken(sync_directory)
    await expire(sync_directory.db)
    other = await taken(sync_directory)
    batch = [directory_contact()]
    for write in (
        contacts.apply(sync_directory, batch, Terms(paused.lease)),
        paused.finish("SUCCEEDED", done={"mark": {"usn": 1}, "domains": ["corp.example"], "server": "dc1"}),
    ):
        with pytest.raises(LeaseLost):
            await write
    assert await sync_directory.db.contacts.count_documents({}) == 0
    assert (await contacts.apply(sync_directory, batch, Terms(other.lease))).created


async def test_paused_holder_tells_nothing(sync_directory: Directory) -> None:
    """The record of a run that was taken over stays as it was closed, and no reasons are added to it."""
    paused = await taken(sync_directory)
    await expire(sync_directory.db)
    await taken(sync_directory)
    closed = await control.get_run(sync_directory, paused.id)
    for telling in (paused.enter("GROUPS"), paused.skip([Skipped("guid", "CN=Ann", "INVALID", "Why.")])):
        with pytest.raises(LeaseLost):
            await telling
    assert await control.get_run(sync_directory, paused.id) == closed
    assert await sync_directory.db.sync_skips.count_documents({}) == 0


async def test_takeover_during_a_write(sync_directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A takeover that comes between a holder's reading and its commit stops that commit."""
    paused = await taken(sync_directory)
    decided = sync_batch.Batch.decide

    async def overtaken(batch: sync_batch.Batch, session: object) -> object:
        changes = await decided(batch, session)  # type: ignore[arg-type] # the session it was given
        await expire(sync_directory.db)
        await progress.take(sync_directory, Wanted())
        return changes

    monkeypatch.setattr(sync_batch.Batch, "decide", overtaken)
    with pytest.raises(LeaseLost):
        await contacts.apply(sync_directory, [directory_contact()], Terms(paused.lease))
    assert await sync_directory.db.contacts.count_documents({}) == 0


async def test_killed_run_is_taken_over(sync_directory: Directory) -> None:
    """A run whose process was killed is begun anew by another, though none is due, and its record says so."""
    await lease.schedule(sync_directory.db, "dc1", 30)
    killed = await progress.take(sync_directory)
    assert killed is not None
    assert await progress.take(sync_directory) is None
    await expire(sync_directory.db)
    other = await progress.take(sync_directory)
    assert other is not None
    assert (await control.get_run(sync_directory, killed.id))["status"] == "ABANDONED"
    assert (await control.status(sync_directory))["running"]["_id"] == other.id  # type: ignore[index] # it runs


async def test_killed_request_is_repeated(sync_directory: Directory, directory: Directory) -> None:
    """A run that was asked for and killed is repeated as it was asked for."""
    await lease.schedule(sync_directory.db, "dc1", 30)
    await control.start(directory, Wanted(allow_deletions=True))
    killed = await progress.take(sync_directory)
    await expire(sync_directory.db)
    other = await progress.take(sync_directory)
    assert killed is not None
    assert other is not None
    assert (other.wanted, other.id == killed.id) == (Wanted(allow_deletions=True, requested_by="tester"), False)
    await other.finish("SUCCEEDED")
    assert await progress.take(sync_directory) is None


async def test_due_after_the_interval(sync_directory: Directory) -> None:
    """After a cycle the next is due an interval after its beginning; a dry run moves nothing."""
    await lease.schedule(sync_directory.db, "dc1", 30)
    run = await progress.take(sync_directory)
    assert run is not None
    await run.finish("SUCCEEDED")
    following = (await control.status(sync_directory))["nextRunAt"]
    assert timedelta(minutes=29) < following - now() <= timedelta(minutes=30)  # type: ignore[operator] # a moment
    preview = await progress.take(sync_directory, Wanted(dry_run=True))
    assert preview is not None
    await preview.finish("SUCCEEDED")
    assert (await control.status(sync_directory))["nextRunAt"] == following


async def test_handed_back_run_is_due(sync_directory: Directory) -> None:
    """A run that ends with its process is due at once elsewhere."""
    await lease.schedule(sync_directory.db, "dc1", 30)
    run = await progress.take(sync_directory)
    assert run is not None
    await run.hand_back()
    assert await progress.take(sync_directory) is not None


@pytest.mark.parametrize("killed", [False, True])
async def test_dry_run_that_ends_early(sync_directory: Directory, killed: bool) -> None:
    """A dry run by hand that is cancelled or killed makes no cycle due."""
    await lease.schedule(sync_directory.db, "dc1", 30)
    due = await progress.take(sync_directory)
    assert due is not None
    await due.finish("SUCCEEDED")
    preview = await progress.take(sync_directory, Wanted(dry_run=True))
    assert preview is not None
    await (expire(sync_directory.db) if killed else preview.hand_back())
    assert await progress.take(sync_directory) is None
    following = await taken(sync_directory)
    assert (await control.get_run(sync_directory, preview.id))["status"] == "ABANDONED"
    assert following.wanted == Wanted()


async def test_dry_run_after_a_killed_cycle(sync_directory: Directory) -> None:
    """A dry run by hand that comes before a killed cycle is repeated does not stand for it."""
    await lease.schedule(sync_directory.db, "dc1", 30)
    assert await progress.take(sync_directory)
    await expire(sync_directory.db)
    preview = await progress.take(sync_directory, Wanted(dry_run=True))
    assert preview is not None
    await preview.finish("SUCCEEDED")
    assert await progress.take(sync_directory) is not None


async def test_dry_run_that_was_asked_for_is_repeated(sync_directory: Directory, directory: Directory) -> None:
    """A dry run that was asked for and handed back is done as a dry run by another process."""
    await lease.schedule(sync_directory.db, "dc1", 30)
    await control.start(directory, Wanted(dry_run=True))
    run = await progress.take(sync_directory)
    assert run is not None
    await run.hand_back()
    again = await progress.take(sync_directory)
    assert again is not None
    assert again.wanted.dry_run


async def test_asking_for_a_run(directory: Directory, sync_directory: Directory) -> None:
    """A run can be asked for where a service syncs and while none runs; its record is there at once."""
    with pytest.raises(SyncNotConfigured):
        await control.start(directory)
    await lease.schedule(directory.db, "dc1", 30)
    asked = await control.start(directory, Wanted(dry_run=True))
    assert (await control.get_run(directory, asked["_id"]))["status"] == "QUEUED"
    with pytest.raises(SyncAlreadyRunning):
        await control.start(directory)
    run = await progress.take(sync_directory)
    assert run is not None
    assert (run.id, run.wanted) == (asked["_id"], Wanted(dry_run=True, requested_by="tester"))
    with pytest.raises(SyncAlreadyRunning):
        await control.start(directory)
    await run.finish("SUCCEEDED")
    await control.start(directory)
