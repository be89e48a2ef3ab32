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
from storage.imports import LEASE_SECONDS, Hold, LostLease

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
                while job := await imports.claim(self._caller.db):
                    self._spawn(job["_id"], _run(self._caller, job, None))
                    await asyncio.wait([self._running[job["_id"]]])
            await asyncio.sleep(_WATCH_SECONDS)

    def _spawn(self, identifier: str, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._running[identifier] = task
        task.add_done_callback(lambda _: self._running.pop(identifier, None))


async def run_one(caller: Caller, identifier: str, scanned: Scan | None = None) -> None:
    """Run this job to its end, unless somebody else works on it."""
    if job := await imports.claim(caller.db, identifier):
        await _run(caller, job, scanned)


async def _run(caller: Caller, job: Document, scanned: Scan | None) -> None:
    own = replace(caller, author=Author(job["author"], "import"))
    hold = Hold(job["_id"], job["fence"])
    current: Document | None = job
    stuck = 0
    async with _kept(caller, hold):
        while current:
            try:
                await ImportRun(own, current, scanned).finish()
                return
            except LostLease:
                return
            except Busy as problem:
                log.warning("import waits", import_id=hold.id, error=problem.message)
                stuck += 1
                if stuck % _PATIENCE == 0 and not await _give_up(caller, hold, problem.message):
                    return
            except Unavailable as error:
                log.warning("import interrupted", import_id=hold.id, error=str(error))
            except asyncio.CancelledError:
                await _let_go(caller, hold)
                raise
            except ImportUnreadable as problem:
                if not await _give_up(caller, hold, problem.message):
                    return
            except Exception:
                log.exception("import failed", import_id=hold.id)
                message = "Something went wrong on our side; the service's log says more."
                if not await _give_up(caller, hold, message):
                    return
            await asyncio.sleep(_RETRY_SECONDS)
            current, scanned = await _again(caller, hold, current), None


@asynccontextmanager
async def _kept(caller: Caller, hold: Hold) -> AsyncIterator[None]:
    """Keep the lease of a job while it is worked on."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            with suppress(*Unavailable):
                await imports.renew(caller.db, hold)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()


async def _again(caller: Caller, hold: Hold, job: Document) -> Document | None:
    """The job as it is now, if it is still ours; as it was, if the database does not answer yet."""
    with suppress(*Unavailable):
        found = await imports.get(caller.db, hold.id)
        return found if found and found["fence"] == hold.fence and found["status"] == "RUNNING" else None
    return job


async def _let_go(caller: Caller, hold: Hold) -> None:
    with suppress(*Unavailable):
        await asyncio.shield(imports.release(caller.db, hold))


async def _give_up(caller: Caller, hold: Hold, message: str) -> bool:
    """End a job as failed. Returns whether that takes another run, which takes back what it wrote."""
    with suppress(LostLease, *Unavailable):
        if (job := await imports.get(caller.db, hold.id)) is None:
            return False
        if job["phase"] == "WRITE" and job["errorPolicy"] == "REJECT_ALL":
            await imports.change(caller.db, hold, rolling_back("FAILED", f"{message} Nothing was kept."))
            return True
        ending = {"status": "FAILED", "message": f"{message} {_KEPT[job['phase']]}", "leaseUntil": None}
        nothing = NOTHING_WRITTEN if job["phase"] == "PREVIEW" and not job["dryRun"] else {}
        await imports.change(caller.db, hold, {**ending, **nothing, "finishedAt": caller.clock()})
        await uploads.delete(caller.db, hold.id)
    return False
