"""Runs the sync when it is due or requested, one run at a time across all processes, while the service runs."""

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
from resolvers.caller import Caller, Role
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
# A service that syncs confirms the schedule at this interval. After the longer one without a confirmation, no service
# syncs any more.
CONFIRM_SECONDS = 20.0
SILENT_SECONDS = 90.0


@asynccontextmanager
async def scheduled(caller: Caller, settings: Settings) -> AsyncIterator[None]:
    """Sync while the block runs, if an Active Directory is configured. Raises `ExtraMissing`.

    Otherwise, remove the schedule once no other service confirms it.
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
    """Execute a run and close its record in any case. Raises `LeaseLost` and unexpected errors.

    When canceled, it lets another process repeat the run.
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
                await run.finish("FAILED", ("INTERNAL", "Something went wrong in the service. See its log."))
            raise


async def sync_once(run: SyncRun, settings: Settings) -> None:
    async with open_session(settings) as session:
        run.waited = lambda: session.ldap_seconds
        await run_sync(run, settings, await ActiveDirectoryReader.open(session, settings))


def server_name(settings: Settings) -> str:
    """The name of the directory in messages."""
    return settings.ad_name or urlsplit(settings.ad_urls[0]).hostname or settings.ad_urls[0]


def sync_caller(caller: Caller, settings: Settings) -> Caller:
    """The caller as the sync, the only author that can write synced contacts."""
    return Caller(caller.db, AUTHOR, Role.ADMIN, settings.default_region, caller.clock)


async def _unschedule(caller: Caller) -> None:
    """Remove the schedule and queued runs if no service syncs."""

    async def work(session: Session) -> None:
        if await sync_state.unscheduled(caller.db, SILENT_SECONDS, session):
            await runs.abandon_queued(caller.db, caller.clock(), session)

    await caller.db.transaction(work)


async def _repeat(state: Callable[[], Awaitable[None]]) -> None:
    """Call `state` regularly, also after the database was unavailable."""
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
            log.warning("directory sync lost its lease: another process continues")
        # The schedule must survive any defect of a run. The run's record and this log line show it.
        except Exception as error:
            log.error("directory sync failed", exc_info=error)
        await asyncio.sleep(POLL_SECONDS)
