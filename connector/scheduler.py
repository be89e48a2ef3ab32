"""Runs cycles when they are due or asked for, one at a time across all processes, as long as the service runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from urllib.parse import urlsplit

import structlog

from connector.errors import DirectoryError
from connector.library import ldap_library
from resolvers.caller import Directory
from resolvers.sync import progress
from resolvers.sync.progress import Run
from resolvers.sync.run import run_cycle
from settings import Settings
from storage.changes import Author
from storage.driver import Session, Unavailable
from storage.sync import lease, runs
from storage.sync import state as sync_state
from storage.sync.lease import LeaseLost

log = structlog.get_logger(__name__)

AUTHOR = Author("Active Directory", "sync")
POLL_SECONDS = 1.0
# A service that syncs says so as often; one that has not for this long is gone, or was told to sync no more.
CONFIRM_SECONDS = 20.0
SILENT_SECONDS = 90.0


@asynccontextmanager
async def scheduled(directory: Directory, settings: Settings) -> AsyncIterator[None]:
    """Sync while the block runs, if an Active Directory is configured. Raises ExtraMissing.

    Else take the schedule back once no other service confirms it any more.
    """
    if settings.ad_urls:
        ldap_library()
        state = partial(lease.schedule, directory.db, server_name(settings), settings.sync_interval_minutes)
        working = [_forever(directory, settings), _repeat(state)]
    else:
        state = partial(_unschedule, directory)
        working = [_repeat(state)]
    await state()
    tasks = [asyncio.create_task(each) for each in working]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def perform(run: Run, settings: Settings) -> None:
    """Do one cycle that was taken, and close its record whatever comes. Raises `LeaseLost`, and unforeseen errors.

    Cancelled, it lets another process begin anew.
    """
    async with run.held():
        try:
            await run_cycle(run, settings)
        except DirectoryError as problem:
            await run.finish("FAILED", (problem.code, str(problem)))
        except asyncio.CancelledError:
            with suppress(LeaseLost, *Unavailable):
                await run.hand_back()
            raise
        except LeaseLost:
            raise
        except Exception:
            with suppress(LeaseLost, *Unavailable):
                await run.finish("FAILED", ("INTERNAL", "Something went wrong on our side; the service's log tells."))
            raise


def server_name(settings: Settings) -> str:
    """What to call the directory in messages to people."""
    return settings.ad_name or urlsplit(settings.ad_urls[0]).hostname or settings.ad_urls[0]


def sync_directory(directory: Directory, settings: Settings) -> Directory:
    """The directory as the sync has it before it, which alone may write synced contacts."""
    return Directory(directory.db, AUTHOR, settings.default_region, directory.clock)


async def _unschedule(directory: Directory) -> None:
    """Say that no service syncs, if that is so, and forget what was asked for."""

    async def work(session: Session) -> None:
        if await sync_state.unscheduled(directory.db, SILENT_SECONDS, session):
            await runs.abandon_queued(directory.db, directory.clock(), session)

    await directory.db.transaction(work)


async def _repeat(state: Callable[[], Awaitable[None]]) -> None:
    """Say it again and again; outages of the database are waited out."""
    while True:
        await asyncio.sleep(CONFIRM_SECONDS)
        try:
            await state()
        except Unavailable as error:
            log.warning("directory sync not scheduled", error=str(error))


async def _forever(directory: Directory, settings: Settings) -> None:
    own = sync_directory(directory, settings)
    while True:
        try:
            if run := await progress.take(own):
                await perform(run, settings)
                log.info("directory sync ended", run=run.id)
        except LeaseLost:
            log.warning("directory sync lost its lease: another process goes on")
        # A schedule must outlive every defect of one cycle, which its record and this line tell.
        except Exception as error:
            log.error("directory sync failed", exc_info=error)
        await asyncio.sleep(POLL_SECONDS)
