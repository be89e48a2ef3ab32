"""`contacts sync`: one run, with its progress and result on the terminal."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress

from connector.library import ldap_library
from connector.scheduler import perform, sync_caller
from resolvers.caller import Caller
from resolvers.errors import SyncAlreadyRunning, SyncNotConfigured
from resolvers.sync import control, progress
from resolvers.sync.progress import SyncRun
from resolvers.sync.request import SyncRequest
from settings import Settings
from storage.documents import Document
from storage.lease import LeaseLost
from storage.lists.pages import Window
from storage.sync.runs import Kind

_SHOW_SECONDS = 0.5
_PAGE = 500


async def run(caller: Caller, settings: Settings, request: SyncRequest) -> int:
    """Run a sync, with progress on standard error and the result on standard output.

    Returns the exit code: 0 if it succeeded, 1 if it stopped, failed or could not start. Raises `ExtraMissing`.
    """
    if not settings.ad_urls:
        return _refused(SyncNotConfigured().message)
    ldap_library()
    taken = await progress.take(sync_caller(caller, settings), request)
    if taken is None:
        return _refused(SyncAlreadyRunning().message)
    showing = asyncio.create_task(_show_progress(taken))
    try:
        await perform(taken, settings)
    except LeaseLost:
        return _refused("This run was unresponsive for too long, so another process took it over.")
    finally:
        showing.cancel()
        with suppress(asyncio.CancelledError):
            await showing
    return await _report(caller, taken)


async def _report(caller: Caller, taken: SyncRun) -> int:
    """Print the result of the run and return the exit code."""
    ended = await control.get_run(caller, taken.id)
    print(file=sys.stderr)
    async for line in _lines(caller, ended):
        print(line)
    return 0 if ended["status"] == "SUCCEEDED" else 1


async def _lines(caller: Caller, ended: Document) -> AsyncIterator[str]:
    async for each in _details(caller, ended["_id"], "differences"):
        yield f"{each['action'].lower():9} {each['distinguishedName']}"
        for name in sorted({*each["before"], *each["after"]}):
            yield f"          {name}: {each['before'].get(name)!r} → {each['after'].get(name)!r}"
    async for each in _details(caller, ended["_id"], "skips"):
        yield f"skipped   {each['distinguishedName']}: {each['code']}: {each['message']}"
    for note in ended["notes"]:
        yield f"note      {note}"
    names = ("created", "updated", "deleted", "unchanged", "skipped")
    counts = ", ".join(f"{ended[name]:,} {name}" for name in names)
    would = " (a dry run: nothing was written)" if ended["dryRun"] else ""
    yield f"{ended['status'].lower()}: {counts}{would} in {ended['seconds']:.1f} s, LDAP {ended['ldapSeconds']:.1f} s"
    if problem := ended.get("problem"):
        yield f"{problem['code']}: {problem['message']}"


async def _details(caller: Caller, run_id: str, kind: Kind) -> AsyncIterator[Document]:
    window: Window | None = Window(_PAGE)
    while window:
        page = await control.list_details(caller, run_id, kind, window)
        for each in page.documents:
            yield each
        window = Window(_PAGE, after=page.documents[-1]["_id"]) if page.has_next else None


async def _show_progress(taken: SyncRun) -> None:
    while True:
        print(f"\r{taken.phase.lower()}: {taken.processed:,} read ", end="", file=sys.stderr, flush=True)
        await asyncio.sleep(_SHOW_SECONDS)


def _refused(message: str) -> int:
    print(f"contacts: {message}", file=sys.stderr)
    return 1
