"""Migrations of databases of earlier releases."""

from datetime import datetime, timedelta

import pytest

from resolvers.caller import Caller
from resolvers.imports import jobs
from resolvers.imports.options import Options
from resolvers.imports.runner import run_one
from resolvers.sync import control, progress
from resolvers.sync.request import SyncRequest
from storage import migrations
from storage.documents import Document, now
from storage.driver import Database
from tests.support.importing import HEADER, chunks, counts, job_of

FILE = f"{HEADER}\nAnn,ann@a.example,Ann,A,,,\nBo,bo@a.example,Bo,B,,,\n"


async def migrate(db: Database, version: int) -> None:
    """Migrate a database of this version, twice, as after a killed run."""
    for _ in range(2):
        await db.state.update_one({"_id": "schema"}, {"$set": {"version": version}})
        await migrations.prepare(db)


def soon() -> datetime:
    """A time that is still in the future when the test ends."""
    return now() + timedelta(hours=1)


async def old_job(caller: Caller, **fields: object) -> Document:
    """A job as stored by release 0.1.0."""
    job, _ = await jobs.start_csv(caller, chunks(FILE.encode()), Options())
    old = {"fence": 0, "leaseUntil": None, **fields}
    await caller.db.imports.update_one({"_id": job["_id"]}, {"$set": old, "$unset": {"lease": ""}})
    return job


@pytest.mark.parametrize(
    "old", [{}, {"status": "RUNNING", "fence": 3, "leaseUntil": now()}], ids=["waiting", "left behind"]
)
async def test_old_jobs_are_finished(caller: Caller, old: Document) -> None:
    """A job that release 0.1.0 did not start, or left behind when it was killed, is run to the end."""
    job = await old_job(caller, **old)
    await migrate(caller.db, 1)
    await run_one(caller, job["_id"])
    job = await job_of(caller, job)
    assert (job["status"], counts(job)) == ("SUCCEEDED", {"created": 2})
    assert job["lease"] == {"token": old.get("fence", 0) + 1}
    assert not job.keys() & {"fence", "leaseUntil"}


async def test_an_old_lease_of_a_job_is_respected(caller: Caller) -> None:
    """A job whose lease from release 0.1.0 has not expired is left alone."""
    job = await old_job(caller, status="RUNNING", fence=3, leaseUntil=soon())
    await migrate(caller.db, 1)
    await run_one(caller, job["_id"])
    assert (await job_of(caller, job))["processed"] == 0


async def old_schedule(db: Database, **fields: object) -> Document:
    """The state document of the sync as stored by release 0.1.0, with no run due."""
    kept = {"server": "dc1", "intervalMinutes": 30, "nextRunAt": soon(), "scheduledAt": now(), "token": 7, "writes": 9}
    await db.state.insert_one({"_id": "directorySync", **kept, **fields})
    return kept | fields


async def test_an_old_schedule_is_kept(sync_caller: Caller) -> None:
    """The schedule of release 0.1.0 stays, nothing is due before its time, and tokens continue to increase."""
    kept = await old_schedule(sync_caller.db)
    await migrate(sync_caller.db, 1)
    status = await control.status(sync_caller)
    assert (status["enabled"], status["nextRunAt"], status["running"]) == (True, kept["nextRunAt"], None)
    assert await progress.take(sync_caller) is None
    run = await progress.take(sync_caller, SyncRequest())
    assert run is not None
    assert run.lease.token == 8
    await run.finish("SUCCEEDED")
    found = await sync_caller.db.state.find_one({"_id": "directorySync"})
    assert found is not None
    assert found.keys() == {"_id", "lease", "server", "intervalMinutes", "nextRunAt", "scheduledAt"}


@pytest.mark.parametrize("ended", [True, False])
async def test_an_old_run_is_repeated(sync_caller: Caller, ended: bool) -> None:
    """A killed run of release 0.1.0 is repeated when its lease has expired, but not before."""
    held = {"holder": "there/1", "runId": "old", "dryRun": False}
    await old_schedule(sync_caller.db, until=now() if ended else soon(), **held)
    await sync_caller.db.sync_runs.insert_one({"_id": "old", "status": "RUNNING"})
    await migrate(sync_caller.db, 1)
    assert (await progress.take(sync_caller) is not None) is ended
    assert (await control.get_run(sync_caller, "old"))["status"] == ("ABANDONED" if ended else "RUNNING")
