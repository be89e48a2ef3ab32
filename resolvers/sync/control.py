"""Shows the state and the runs of the sync with Active Directory, and starts runs."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import TypedDict

from resolvers import audit_log
from resolvers.access import requires
from resolvers.caller import Caller, Role
from resolvers.errors import SyncAlreadyRunning, SyncNotConfigured
from resolvers.events import Feed
from resolvers.idempotency import complete, idempotent
from resolvers.sync.request import SyncRequest, new_record
from storage.documents import Document, new_id
from storage.driver import Session
from storage.lists.pages import Page, Window
from storage.sync import runs, schedule
from storage.sync.runs import Kind


class SyncStatus(TypedDict):
    """Whether a service syncs, from which server, when the next run is due, and the current and last runs."""

    enabled: bool
    server: str | None
    nextRunAt: object
    running: Document | None
    lastRun: Document | None


async def status(caller: Caller) -> SyncStatus:
    """The current state of the sync."""
    state = await schedule.read(caller.db)
    running = await runs.get(caller.db, state["runId"]) if state.get("held") and "runId" in state else None
    return {
        "enabled": "nextRunAt" in state,
        "server": state.get("server"),
        "nextRunAt": state.get("nextRunAt"),
        "running": running,
        "lastRun": await runs.last(caller.db, ["SUCCEEDED", "STOPPED", "FAILED", "ABANDONED"]),
    }


@requires(Role.ADMIN, "START_SYNC")
@idempotent
async def start(caller: Caller, request: SyncRequest | None = None) -> Document:
    """Queue a run, which a service starts within seconds. Returns its record. Requires an administrator.

    Raises `SyncNotConfigured`, `SyncAlreadyRunning`.
    """
    request = replace(request or SyncRequest(), requested_by=caller.author.name)
    run = {"_id": new_id(), **new_record(request)}
    queued = {"runId": run["_id"], **request.document()}

    async def work(session: Session) -> bool:
        if not await schedule.request(caller.db, queued, session):
            return False
        await runs.insert(caller.db, run, caller.clock(), session)
        await audit_log.record(caller, [run["_id"]], session, request.document())
        await complete(caller, run, session)
        return True

    if await caller.db.transaction(work):
        return run
    if "nextRunAt" not in await schedule.read(caller.db):
        raise SyncNotConfigured
    raise SyncAlreadyRunning


async def progress(feed: Feed, caller: Caller) -> AsyncGenerator[Document, None]:
    """The latest run: now, and whenever its record changes or a new run starts, at most a few times per second."""
    sent: Document | None = None
    async with aclosing(feed.ticks(lambda event: event.collection == "syncRuns")) as ticks:
        async for _ in ticks:
            page = await runs.page(caller.db, Window(1))
            for run in page.documents:
                if run != sent:
                    yield run
                sent = run


async def get_run(caller: Caller, identifier: str) -> Document:
    """The run with this ID. Raises `LookupError`."""
    run = await runs.get(caller.db, identifier)
    if run is None:
        raise LookupError(identifier)
    return run


async def list_runs(caller: Caller, window: Window) -> Page:
    """One page of the runs, the latest first."""
    return await runs.page(caller.db, window)


async def count_runs(caller: Caller) -> int:
    """The number of kept runs."""
    return await runs.count(caller.db)


async def list_details(caller: Caller, run: str, kind: Kind, window: Window) -> Page:
    """One page of what a run skipped and why, or of what a dry run would change."""
    return await runs.detail_page(caller.db, run, kind, window)


async def count_details(caller: Caller, run: str, kind: Kind) -> int:
    """The number of details that `list_details` pages through."""
    return await runs.count_details(caller.db, run, kind)
