"""Runs cycles when they are due or asked for, one at a time across all processes, as long as the service runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from urllib.parse import urlsplit

import structlog

from connector.errors import DirectoryError
from connector.library import ldap_library
from connector.reader import ActiveDirectoryReader
from connector.session import open_session
from resolvers.caller import Caller
from resolvers.sync import progress
from resolvers.sync.progress import SyncRun
from resolvers.sync.run import run_sync
from settings import Settings
from storage.changes import Author
from storage.driver import Session, Unavailable
from storage.lease import LeaseLost, keep
from storage.sync import runs, schedule
from storage.sync import state as sync_state

log = structlog.get_logger(__name__)

AUTHOR = Author("Active Directory", "sync")
POLL_SECONDS = 1.0
# A service that syncs says so as often; one that has not for this long is gone, or was told to sync no more.
CONFIRM_SECONDS = 20.0
SILENT_SECONDS = 90.0


@asynccontextmanager
async def scheduled(caller: Caller, settings: Settings) -> AsyncIterator[None]:
    """Sync while the block runs, if an Active Directory is configured. Raises ExtraMissing.

    Else take the schedule back once no other service confirms it any more.
    """
    if settings.ad_urls:
        ldap_library()
        state = partial(schedule.confirm, caller.db, server_name(settings), settings.sync_interval_minutes)
        working = [_forever(caller, settings), _repeat(state)]
    else:
        state = partial(_unschedule, caller)
        working = [_repeat(state)]
    await state()
    tasks = [asyncio.create_task(each) for each in working]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def perform(run: SyncRun, settings: Settings) -> None:
    """Do one cycle that was taken, and close its record whatever comes. Raises `LeaseLost`, and unforeseen errors.

    Cancelled, it lets another process begin anew.
    """
    async with keep(run.lease):
        try:
            await sync_once(run, settings)
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


async def sync_once(run: SyncRun, settings: Settings) -> None:
    async with open_session(settings) as session:
        run.waited = lambda: session.ldap_seconds
        await run_sync(run, settings, await ActiveDirectoryReader.open(session, settings))


def server_name(settings: Settings) -> str:
    """What to call the directory in messages to people."""
    return settings.ad_name or urlsplit(settings.ad_urls[0]).hostname or settings.ad_urls[0]


def sync_caller(caller: Caller, settings: Settings) -> Caller:
    """The directory as the sync has it before it, which alone may write synced contacts."""
    return Caller(caller.db, AUTHOR, settings.default_region, caller.clock)


async def _unschedule(caller: Caller) -> None:
    """Say that no service syncs, if that is so, and forget what was asked for."""

    async def work(session: Session) -> None:
        if await sync_state.unscheduled(caller.db, SILENT_SECONDS, session):
            await runs.abandon_queued(caller.db, caller.clock(), session)

    await caller.db.transaction(work)


async def _repeat(state: Callable[[], Awaitable[None]]) -> None:
    """Say it again and again; outages of the database are waited out."""
    while True:
        await asyncio.sleep(CONFIRM_SECONDS)
        try:
            await state()
        except Unavailable as error:
            log.warning("directory sync not scheduled", error=str(error))


async def _forever(caller: Caller, settings: Settings) -> None:
    own = sync_caller(caller, settings)
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
