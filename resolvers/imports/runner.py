"""Runs import jobs to their end, even if the process is killed or the database is temporarily unavailable."""

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
"""How many times a batch may fail because of conflicts with other writers before the job fails."""
_KEPT = {
    "PREVIEW": "Nothing was written.",
    "WRITE": "The rows imported so far are kept.",
    "ROLL_BACK": "Some rows were not rolled back. Undo the import to try again.",
    "UNDO": "Some rows were not undone. Undo the import to try again.",
}


class Runner:
    """The imports that one process runs: those that it starts, and those that other processes left unfinished."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._running: dict[str, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def watching(self) -> AsyncIterator["Runner"]:
        """Run unclaimed jobs until the block ends. Then release the jobs that run here."""
        watcher = asyncio.create_task(self._watch())
        try:
            yield self
        finally:
            tasks = [watcher, *self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def start(self, job: Document, scanned: Scan | None = None) -> None:
        """Start running a job."""
        self._spawn(job["_id"], run_one(self._caller, job["_id"], scanned))

    async def wait(self, identifier: str, seconds: float | None = None) -> Document | None:
        """Wait until the job has finished or the time is over, and return it as it is then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._finished(identifier)
        return await imports.get(self._caller.db, identifier)

    async def _finished(self, identifier: str) -> None:
        if task := self._running.get(identifier):
            await asyncio.wait([task])
        # Another process may run the job, or take it after this one loses the lease.
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
    """Run this job to its end, unless another process is running it."""
    if taken := await imports.claim(caller.db, identifier):
        await _run(caller, *taken, scanned)


async def _run(caller: Caller, lease: Lease, job: Document, scanned: Scan | None) -> None:
    own = replace(caller, author=_author(job))
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
                await _release(lease)
                raise
            except ImportUnreadable as problem:
                if not await _give_up(caller, lease, problem.message):
                    return
            except Exception:
                log.exception("import failed", import_id=lease.id)
                message = "Something went wrong. Ask an administrator to look up the import ID in the service's log."
                if not await _give_up(caller, lease, message):
                    return
            await asyncio.sleep(_RETRY_SECONDS)
            current, scanned = await _reload(lease, current), None


def _author(job: Document) -> Author:
    """Who starts or undoes the import: the history names them."""
    if job["phase"] == "UNDO" and "undoneBy" in job:  # jobs queued by older versions do not have it
        return Author(job["undoneBy"], "import", job["undoneById"])
    return Author(job["author"], "import", job.get("authorId", ""))


async def _reload(lease: Lease, job: Document) -> Document | None:
    """The current job, or None if its lease is lost. The same job if the database is still unavailable."""
    with suppress(*Unavailable):
        return await imports.get_held(lease)
    return job


async def _release(lease: Lease) -> None:
    with suppress(LeaseLost, *Unavailable):
        await asyncio.shield(release(lease))


async def _give_up(caller: Caller, lease: Lease, message: str) -> bool:
    """End a job as failed. Returns True if it must run again first, to roll back what it wrote."""
    with suppress(LeaseLost, *Unavailable):
        if (job := await imports.get(caller.db, lease.id)) is None:
            return False
        if job["phase"] == "WRITE" and job["errorPolicy"] == "REJECT_ALL":
            await set_fields(lease, rolling_back("FAILED", f"{message} The import was rolled back."))
            return True
        ending = {"status": "FAILED", "message": f"{message} {_KEPT[job['phase']]}"}
        nothing = NOTHING_WRITTEN if job["phase"] == "PREVIEW" and not job["dryRun"] else {}
        await release(lease, {**ending, **nothing, "finishedAt": caller.clock()})
        await uploads.delete(caller.db, lease.id)
    return False
