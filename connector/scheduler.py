"""Runs cycles when they are due or asked for, one at a time across all processes, as long as the service runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import structlog

from connector.cycle import run_cycle
from connector.errors import DirectoryError
from connector.library import ldap_library
from resolvers import sync_run
from resolvers.directory import Directory
from resolvers.sync_run import Run
from settings import Settings
from storage import sync_lease, sync_runs, sync_state
from storage.changes import Author
from storage.driver import Unavailable
from storage.sync_lease import LeaseLost

log = structlog.get_logger(__name__)

AUTHOR = Author("Active Directory", "sync")
POLL_SECONDS = 1.0


@asynccontextmanager
async def scheduled(directory: Directory, settings: Settings) -> AsyncIterator[None]:
    """Sync while the block runs, if an Active Directory is configured. Raises ExtraMissing."""
    if not settings.ad_urls:
        await sync_state.unscheduled(directory.db)
        await sync_runs.abandon_queued(directory.db, directory.clock())
        yield
        return
    ldap_library()
    await sync_lease.schedule(directory.db, server_name(settings), settings.sync_interval_minutes)
    running = asyncio.create_task(_forever(directory, settings))
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


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


async def _forever(directory: Directory, settings: Settings) -> None:
    own = sync_directory(directory, settings)
    while True:
        try:
            if run := await sync_run.take(own):
                await perform(run, settings)
                log.info("directory sync ended", run=run.id)
        except LeaseLost:
            log.warning("directory sync lost its lease: another process goes on")
        # A schedule must outlive every defect of one cycle, which its record and this line tell.
        except Exception as error:
            log.error("directory sync failed", exc_info=error)
        await asyncio.sleep(POLL_SECONDS)
