"""Runs import jobs to their end, whatever happens to the process or the database meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import structlog

from resolvers.caller import Caller
from resolvers.errors import Busy, ImportUnreadable
from resolvers.imports.run import NOTHING_WRITTEN, ImportRun, rolling_back
from resolvers.imports.source import Scan
from storage import imports, uploads
from storage.changes import Author
from storage.documents import Document
from storage.driver import Unavailable
from storage.lease import Lease, LeaseLost, keep, release, set_fields

log = structlog.get_logger()

_WATCH_SECONDS = 5.0
_RETRY_SECONDS = 1.0
_PATIENCE = 60
"""How often others may be faster with the same contacts for so long that a batch is given up, before the job is."""
_KEPT = {
    "PREVIEW": "Nothing was written.",
    "WRITE": "The rows so far are kept.",
    "ROLL_BACK": "Some rows could not be taken back: undo the import to try again.",
    "UNDO": "Some rows could not be taken back: undo the import to try again.",
}


class Runner:
    """The imports of one process: those that it starts, and those that others left behind."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._running: dict[str, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def watching(self) -> AsyncIterator["Runner"]:
        """Look for jobs that nobody works on, until the block ends; then let go of those that run here."""
        watcher = asyncio.create_task(self._watch())
        try:
            yield self
        finally:
            tasks = [watcher, *self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def start(self, job: Document, scanned: Scan | None = None) -> None:
        """Begin to work on a job."""
        self._spawn(job["_id"], run_one(self._caller, job["_id"], scanned))

    async def wait(self, identifier: str, seconds: float | None = None) -> Document | None:
        """The job when it is finished, or as it is when the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._finished(identifier)
        return await imports.get(self._caller.db, identifier)

    async def _finished(self, identifier: str) -> None:
        if task := self._running.get(identifier):
            await asyncio.wait([task])
        # Another process may have it, or take it over from this one.
        while (job := await imports.get(self._caller.db, identifier)) and job["finishedAt"] is None:  # noqa: ASYNC110
            await asyncio.sleep(_RETRY_SECONDS / 4)

    async def _watch(self) -> None:
        while True:
            with suppress(*Unavailable):
                while taken := await imports.claim(self._caller.db):
                    lease, job = taken
                    self._spawn(lease.id, _run(self._caller, lease, job, None))
                    await asyncio.wait([self._running[lease.id]])
            await asyncio.sleep(_WATCH_SECONDS)

    def _spawn(self, identifier: str, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._running[identifier] = task
        task.add_done_callback(lambda _: self._running.pop(identifier, None))


async def run_one(caller: Caller, identifier: str, scanned: Scan | None = None) -> None:
    """Run this job to its end, unless somebody else works on it."""
    if taken := await imports.claim(caller.db, identifier):
        await _run(caller, *taken, scanned)


async def _run(caller: Caller, lease: Lease, job: Document, scanned: Scan | None) -> None:
    own = replace(caller, author=Author(job["author"], "import"))
    current: Document | None = job
    stuck = 0
    async with keep(lease):
        while current:
            try:
                await ImportRun(own, lease, current, scanned).finish()
                return
            except LeaseLost:
                return
            except Busy as problem:
                log.warning("import waits", import_id=lease.id, error=problem.message)
                stuck += 1
                if stuck % _PATIENCE == 0 and not await _give_up(caller, lease, problem.message):
                    return
            except Unavailable as error:
                log.warning("import interrupted", import_id=lease.id, error=str(error))
            except asyncio.CancelledError:
                await _let_go(lease)
                raise
            except ImportUnreadable as problem:
                if not await _give_up(caller, lease, problem.message):
                    return
            except Exception:
                log.exception("import failed", import_id=lease.id)
                message = "Something went wrong on our side; the service's log says more."
                if not await _give_up(caller, lease, message):
                    return
            await asyncio.sleep(_RETRY_SECONDS)
            current, scanned = await _again(lease, current), None


async def _again(lease: Lease, job: Document) -> Document | None:
    """The job as it is now, if it is still ours; as it was, if the database does not answer yet."""
    with suppress(*Unavailable):
        return await imports.get_held(lease)
    return job


async def _let_go(lease: Lease) -> None:
    with suppress(LeaseLost, *Unavailable):
        await asyncio.shield(release(lease))


async def _give_up(caller: Caller, lease: Lease, message: str) -> bool:
    """End a job as failed. Returns whether that takes another run, which takes back what it wrote."""
    with suppress(LeaseLost, *Unavailable):
        if (job := await imports.get(caller.db, lease.id)) is None:
            return False
        if job["phase"] == "WRITE" and job["errorPolicy"] == "REJECT_ALL":
            await set_fields(lease, rolling_back("FAILED", f"{message} Nothing was kept."))
            return True
        ending = {"status": "FAILED", "message": f"{message} {_KEPT[job['phase']]}"}
        nothing = NOTHING_WRITTEN if job["phase"] == "PREVIEW" and not job["dryRun"] else {}
        await release(lease, {**ending, **nothing, "finishedAt": caller.clock()})
        await uploads.delete(caller.db, lease.id)
    return False
