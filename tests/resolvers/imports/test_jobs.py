"""Imports as jobs: killed, cancelled, claimed by several processes, and resumed."""

import asyncio
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from resolvers import contacts
from resolvers.caller import Caller, Role
from resolvers.errors import EmailAddressTaken, ImportNotUndoable, NotFound
from resolvers.imports import jobs
from resolvers.imports import jobs as import_jobs
from resolvers.imports.runner import Runner, run_one
from storage import imports, migrations, uploads
from storage.changes import Author
from storage.documents import Document, now
from storage.driver import Database, Unavailable, connect
from storage.embedded.mongod import embedded
from storage.lease import Lease, LeaseLost, set_fields
from tests.support import waiting
from tests.support.consistency import check
from tests.support.environment import DRIVER
from tests.support.holding import held
from tests.support.importing import (
    HEADER,
    counts,
    import_csv,
    job_of,
    made,
    outcomes_of,
    row,
    table,
    total,
    undo,
    until,
)

ROWS = 4_000
# Many managers are later rows, so that the file needs several passes.
FILE = f"{HEADER},Manager\n" + "".join(
    f"P {n},p{n}@a.example,P,{n},,,,{f'p{n * 7919 % ROWS}@a.example' if n % 2 else ''}\n" for n in range(ROWS)
)
FIRST, LAST = "p0@a.example", f"p{ROWS - 1}@a.example"


async def expire(db: Database, job: Document) -> None:
    """Expire the lease of a job, as if its process had been killed some time ago."""
    await db.imports.update_one({"_id": job["_id"]}, {"$set": {"lease.until": None}})


def further_than(before: Document) -> Callable[[Document], bool]:
    """A condition: the job has made progress since, or has finished."""
    return lambda job: job["processed"] > before["processed"] or job["finishedAt"] is not None


async def test_a_run_resumes_after_any_interruption(caller: Caller) -> None:
    """A run that is interrupted repeatedly, at any point, resumes without losing or repeating a row."""
    job = await made(caller, FILE)
    interruptions = 0
    while (job := await job_of(caller, job))["finishedAt"] is None:
        running = asyncio.create_task(run_one(caller, job["_id"]))
        await asyncio.wait([running], timeout=0.15 + 0.1 * interruptions)
        if not running.done():
            running.cancel()
            await asyncio.wait([running])
            interruptions += 1
    assert interruptions > 1
    assert (job["status"], job["processed"], job["rows"]) == ("SUCCEEDED", ROWS, ROWS)
    outcomes = await outcomes_of(caller, job)
    assert [each["row"] for each in outcomes] == list(range(1, ROWS + 1))
    assert await total(caller) == job["created"] == sum(each["action"] == "CREATED" for each in outcomes)
    await check(caller.db)
    assert (await import_csv(caller, FILE, on_match="UPDATE"))["unchanged"] == job["created"]


WORKER = """
import asyncio, sys
from resolvers.caller import Caller, Role
from resolvers.imports.runner import run_one
from storage.changes import Author
from storage.driver import connect
async def main(uri, name, driver, job):
    await run_one(Caller(connect(uri, name, driver), Author("worker", "cli"), Role.ADMIN), job)
asyncio.run(main(*sys.argv[1:]))
"""


def worker(uri: str, database: str, job: Document) -> subprocess.Popen[bytes]:
    """Another process that runs the job."""
    root = Path(__file__).parents[3]
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, uri, database, DRIVER, job["_id"]],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stderr=subprocess.PIPE,
    )


@pytest.mark.slow
@pytest.mark.usefixtures("brief_transactions")
async def test_killed_processes(caller: Caller, mongodb_uri: str, database_name: str) -> None:
    """Processes that are killed with `kill -9` neither lose nor repeat a row."""
    job = await made(caller, FILE)
    for _ in range(2):
        process = worker(mongodb_uri, database_name, job)
        job = await until(further_than(job), caller, job)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        await expire(caller.db, job)
    await run_one(caller, job["_id"])
    job = await job_of(caller, job)
    assert (job["status"], job["processed"]) == ("SUCCEEDED", ROWS)
    assert await total(caller) == job["created"]
    await check(caller.db)


@pytest.mark.slow
async def test_two_processes_at_once(caller: Caller, mongodb_uri: str, database_name: str) -> None:
    """If several processes claim one job, only one gets it, and each row is written once."""
    job = await made(caller, FILE)
    processes = [worker(mongodb_uri, database_name, job) for _ in range(3)]
    for process in processes:
        _, errors = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, errors.decode()
    job = await job_of(caller, job)
    assert (job["status"], job["processed"], job["lease"]["token"]) == ("SUCCEEDED", ROWS, 1)
    assert await total(caller) == job["created"]


async def test_a_process_presumed_dead_writes_no_more(caller: Caller) -> None:
    """A run whose lease another process has taken stops at its next write and writes nothing more."""
    job = await made(caller, FILE)
    first = asyncio.create_task(run_one(caller, job["_id"]))

    async def take_lease() -> tuple[Lease, Document] | None:
        await expire(caller.db, job)
        return await imports.claim(caller.db, job["_id"])  # None if the run has just renewed its lease

    async with held(caller.db, LAST):
        await until(lambda each: each["processed"] > 0, caller, job)
        taken = await waiting.until(take_lease)
    assert taken
    await first
    stopped = await job_of(caller, job)
    assert (stopped["status"], stopped["lease"]["token"]) == ("RUNNING", 2)
    assert await total(caller) == stopped["created"]
    with pytest.raises(LeaseLost):
        await set_fields(replace(taken[0], token=1), {"message": "I am alive"})


async def test_cancel_keeps_written_rows(caller: Caller) -> None:
    """A cancelled import stops and keeps the rows so far. Its file is deleted."""
    job = await made(caller, FILE)
    async with held(caller.db, LAST):
        running = asyncio.create_task(run_one(caller, job["_id"]))
        await until(lambda each: each["processed"] > 0, caller, job)
        await import_jobs.cancel(caller, job["_id"])
    await running
    job = await job_of(caller, job)
    assert job["status"] == "CANCELLED"
    assert 0 < job["created"] == await total(caller) < ROWS
    assert await caller.db.upload_chunks.count_documents({}) == 0
    await check(caller.db)


async def test_cancel_of_all_or_nothing(caller: Caller) -> None:
    """Under REJECT_ALL a cancelled import keeps nothing, even if its rollback is interrupted."""
    rows = "".join(f"P {n},p{n}@a.example,P,{n},,,\n" for n in range(ROWS))
    job = await made(caller, f"{HEADER}\n{rows}", error_policy="REJECT_ALL")
    running = asyncio.create_task(run_one(caller, job["_id"]))
    async with AsyncExitStack() as stack:
        async with held(caller.db, LAST):
            await until(lambda each: each["phase"] == "WRITE" and each["created"] > 1_000, caller, job)
            await jobs.cancel(caller, job["_id"])
            await stack.enter_async_context(held(caller.db, FIRST))
        await until(lambda each: each["undone"] > 0, caller, job)
        running.cancel()
        await asyncio.wait([running])
    assert (await job_of(caller, job))["phase"] == "ROLL_BACK"
    await jobs.cancel(caller, job["_id"])
    await run_one(caller, job["_id"])
    job = await job_of(caller, job)
    assert (job["status"], counts(job), await total(caller)) == ("CANCELLED", {}, 0)
    await check(caller.db)


async def test_a_service_resumes_unfinished_jobs(caller: Caller) -> None:
    """A watching runner runs unclaimed jobs and releases them when it ends."""
    job = await made(caller, FILE)
    async with held(caller.db, LAST), Runner(caller).watching():
        await until(lambda each: each["processed"] > 0, caller, job)
    left = await job_of(caller, job)
    assert (left["status"], left["lease"]) == ("RUNNING", {"token": 1})
    async with Runner(caller).watching() as runner:
        finished = await runner.wait(job["_id"], waiting.SECONDS)
    assert finished
    assert (finished["status"], finished["processed"]) == ("SUCCEEDED", ROWS)


async def test_undo_resumes(caller: Caller) -> None:
    """An interrupted undo resumes and finishes."""
    job = await import_csv(caller, FILE)
    await jobs.undo(caller, job["_id"])
    async with held(caller.db, FIRST):
        running = asyncio.create_task(run_one(caller, job["_id"]))
        await until(lambda each: each["undone"] > 0, caller, job)
        running.cancel()
        await asyncio.wait([running])
    assert (await job_of(caller, job))["status"] == "RUNNING"
    await run_one(caller, job["_id"])
    job = await job_of(caller, job)
    assert (job["status"], job["undone"], job["notUndone"]) == ("UNDONE", job["created"], 0)
    assert await total(caller) == 0
    await check(caller.db)


async def test_history_names_who_undoes(caller: Caller) -> None:
    """Someone else can undo an import. The history and the recycle bin name them, not who imported the contact."""
    job = await import_csv(caller, table(row("Ana Li", "ana@a.example")))
    await undo(replace(caller, author=Author("ed", "rest", "id-of-ed")), job)
    records = await caller.db.history.find(sort=[("_id", 1)]).to_list(None)
    assert [(each["action"], each["by"], each["byId"], each["through"]) for each in records] == [
        ("CREATED", "tester", "tester-id", "import"),
        ("DELETED", "ed", "id-of-ed", "import"),
    ]
    (gone,) = await caller.db.deleted_contacts.find().to_list(None)
    assert gone["deletedBy"] == "ed"


async def test_what_cannot_be_undone(caller: Caller) -> None:
    """A dry run, an unfinished job and a job that does not exist cannot be undone."""
    dry = await import_csv(caller, FILE, dry_run=True)
    waiting = await made(caller, FILE)
    for job in (dry, waiting):
        with pytest.raises(ImportNotUndoable):
            await jobs.undo(caller, job["_id"])
    with pytest.raises(NotFound):
        await jobs.undo(caller, "none")


async def test_others_change_the_same_contacts(caller: Caller) -> None:
    """If others create contacts with addresses of the file during the import, rows match those contacts."""
    job = await made(caller, FILE)
    running = asyncio.create_task(run_one(caller, job["_id"]))
    other = 0
    for number in range(ROWS - 1, ROWS - 400, -7):
        fields = {"displayName": "X", "firstName": "X", "lastName": "X", "emailAddress": f"P{number}@a.example"}
        try:
            await contacts.create_contact(caller, fields)
        except EmailAddressTaken:
            break  # the import was faster
        other += 1
    await running
    job = await job_of(caller, job)
    assert (job["status"], job["processed"]) == ("SUCCEEDED", ROWS)
    assert await total(caller) == job["created"] + other
    assert job["skipped"] == other
    await check(caller.db)


async def test_an_interrupted_upload_is_not_kept(db: Database) -> None:
    """An interrupted upload leaves nothing behind; the remains after a killed process are deleted later."""

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 6_000_000
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await uploads.write(db, "broken", broken())
    assert await db.upload_chunks.count_documents({}) == 0
    await db.upload_chunks.insert_one({"files_id": "0", "n": 0, "data": b"left"})
    await uploads.delete_abandoned(db, now())
    assert await db.upload_chunks.count_documents({}) == 0


async def test_uploads_are_read_back(db: Database) -> None:
    """A file is read back unchanged, in pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(25):
            yield bytes([number]) * 200_000

    assert await uploads.write(db, "file", pieces()) == 5_000_000
    async with aclosing(uploads.read(db, "file")) as found:
        assert b"".join([piece async for piece in found]) == b"".join([piece async for piece in pieces()])
    await uploads.delete(db, "file")
    await uploads.delete(db, "file")
    assert await db.upload_chunks.count_documents({}) == 0


async def test_an_upload_takes_little_memory(db: Database) -> None:
    """Storing a file takes little memory, however large it is."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield bytes(1 << 16)

    tracemalloc.start()
    await uploads.write(db, "large", pieces())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12_000_000


async def again(caller: Caller, job: Document) -> Document:
    """The job, as soon as the database is available again."""

    async def answered() -> Document | None:
        with suppress(*Unavailable):
            return await job_of(caller, job)
        return None

    return await waiting.until(answered) or job


@pytest.mark.slow
async def test_mongod_is_killed(tmp_path: Path) -> None:
    """If mongod is killed with `kill -9` repeatedly, the import waits for it and loses nothing."""
    with embedded(tmp_path, exclusive=True, cache_gb=0.25) as uri:
        db = connect(uri, "killed", DRIVER)
        await migrations.prepare(db)
        caller = Caller(db, Author("tester", "rest"), Role.ADMIN)
        job = await made(caller, FILE)
        running = asyncio.create_task(run_one(caller, job["_id"]))
        for _ in range(2):
            job = await until(further_than(job), caller, job)
            os.kill(int((tmp_path / "db" / "mongod.lock").read_text()), signal.SIGKILL)
            job = await again(caller, job)
        await running
        job = await job_of(caller, job)
        assert (job["status"], job["processed"]) == ("SUCCEEDED", ROWS)
        assert await total(caller) == job["created"]
        await check(db)
        await db.close()
