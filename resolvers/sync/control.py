"""Shows and steers the sync with Active Directory: its state, its runs, and asking for one."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import TypedDict

from resolvers.caller import Caller
from resolvers.errors import SyncAlreadyRunning, SyncNotConfigured
from resolvers.events import Feed
from resolvers.sync.request import SyncRequest, new_record
from storage.documents import Document, new_id
from storage.driver import Session
from storage.lists.pages import Page, Window
from storage.sync import runs, schedule
from storage.sync.runs import Kind


class SyncStatus(TypedDict):
    """Whether a service syncs, from which server, when it next will, and the runs that go on and ended last."""

    enabled: bool
    server: str | None
    nextRunAt: object
    running: Document | None
    lastRun: Document | None


async def status(caller: Caller) -> SyncStatus:
    """The state of the sync now."""
    state = await schedule.read(caller.db)
    running = await runs.get(caller.db, state["runId"]) if state.get("held") and "runId" in state else None
    return {
        "enabled": "nextRunAt" in state,
        "server": state.get("server"),
        "nextRunAt": state.get("nextRunAt"),
        "running": running,
        "lastRun": await runs.last(caller.db, ["SUCCEEDED", "STOPPED", "FAILED", "ABANDONED"]),
    }


async def start(caller: Caller, wanted: SyncRequest | None = None) -> Document:
    """Ask for a run, due or as `wanted`, which a service begins within seconds. Returns its record. For administrators.

    Raises `SyncNotConfigured`, `SyncAlreadyRunning`.
    """
    wanted = replace(wanted or SyncRequest(), requested_by=caller.author.name)
    run = {"_id": new_id(), **new_record(wanted)}
    request = {"runId": run["_id"], **wanted.document()}

    async def work(session: Session) -> bool:
        if not await schedule.request(caller.db, request, session):
            return False
        await runs.insert(caller.db, run, caller.clock(), session)
        return True

    if await caller.db.transaction(work):
        return run
    if "nextRunAt" not in await schedule.read(caller.db):
        raise SyncNotConfigured
    raise SyncAlreadyRunning


async def progress(feed: Feed, caller: Caller) -> AsyncGenerator[Document, None]:
    """The latest run: at once, and whenever its record changed or another began, a few times a second at most."""
    told: Document | None = None
    async with aclosing(feed.ticks(lambda event: event.collection == "syncRuns")) as ticks:
        async for _ in ticks:
            page = await runs.page(caller.db, Window(1))
            for run in page.documents:
                if run != told:
                    yield run
                told = run


async def get_run(caller: Caller, identifier: str) -> Document:
    """The run with this id, which must exist."""
    run = await runs.get(caller.db, identifier)
    if run is None:
        raise LookupError(identifier)
    return run


async def list_runs(caller: Caller, window: Window) -> Page:
    """One page of the runs, the latest first."""
    return await runs.page(caller.db, window)


async def count_runs(caller: Caller) -> int:
    """How many runs are kept."""
    return await runs.count(caller.db)


async def list_details(caller: Caller, run: str, kind: Kind, window: Window) -> Page:
    """One page of what a run skipped and why, or of what a dry run would change."""
    return await runs.detail_page(caller.db, run, kind, window)


async def count_details(caller: Caller, run: str, kind: Kind) -> int:
    """How many there are."""
    return await runs.count_details(caller.db, run, kind)
