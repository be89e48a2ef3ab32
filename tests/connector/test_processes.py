"""Two services in separate processes that sync the same directory, as operators run them."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from settings import Settings
from storage.documents import Document
from storage.lists.pages import Window
from storage.sync import runs as sync_runs
from storage.sync import schedule
from tests.support import waiting
from tests.support.consistency import check
from tests.support.holding import held
from tests.support.processes import free_port
from tests.support.syncing import Syncing, environment

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from tests.support.ad.administrator import Administrator

pytestmark = [pytest.mark.ad, pytest.mark.slow]

NUMBER = 30
START = "mutation { startDirectorySync(full: true) { __typename } }"


@asynccontextmanager
async def service(given: dict[str, str]) -> AsyncIterator[tuple["Process", str]]:
    """A service that was just started in a separate process, and its URL."""
    port = str(free_port())
    command = ["-m", "uvicorn", "--factory", "app:from_environment", "--port", port, "--log-level", "warning"]
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, env=given, cwd=root)
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def start(url: str) -> None:
    """Start a sync as soon as the service answers."""
    async with httpx.AsyncClient(base_url=url, timeout=waiting.SECONDS) as client:

        async def is_asked() -> bool:
            with suppress(httpx.TransportError):
                await client.post("/graphql", json={"query": START})
                return True
            return False

        await waiting.until(is_asked)


async def settled(syncing: Syncing, runs: int) -> list[Document]:
    """All runs, oldest first, once there are this many and none is running or queued."""

    async def finished() -> list[Document]:
        state = await schedule.read(syncing.db)
        found = (await sync_runs.page(syncing.db, Window(100))).documents
        return [] if state.get("held") or "request" in state or "runId" in state else list(reversed(found))

    return await waiting.until(finished, lambda found: len(found) >= runs)


async def test_two_services_take_turns(syncing: Syncing, admin: "Administrator", settings: Settings) -> None:
    """Whichever service gets the request, only one syncs at a time, and nothing is created twice."""
    for number in range(NUMBER):
        admin.add_contact(f"C {number}")
    given = environment(syncing, settings)
    async with service(given) as (_, first), service(given) as (_, second):
        await settled(syncing, 1)
        for turn in range(6):
            await asyncio.gather(start(first), start(second))
            runs = await settled(syncing, 2 + turn)
    assert {run["status"] for run in runs} == {"SUCCEEDED"}
    ended = [run["finishedAt"] for run in runs]
    assert all(before <= run["startedAt"] for before, run in zip(ended, runs[1:], strict=False))
    assert await syncing.db.history.count_documents({}) == NUMBER
    await check(syncing.db)


@pytest.mark.usefixtures("brief_transactions")
async def test_killed_service_is_taken_over(syncing: Syncing, admin: "Administrator", settings: Settings) -> None:
    """If the service that syncs is killed, the other one completes the work."""
    for number in range(NUMBER):
        admin.add_contact(f"C {number}", info="x" * 1_000)
    given = environment(syncing, settings, CONTACTS_AD_PAGE_SIZE="1")
    async with service(given) as (doomed, _):
        async with held(syncing.db, "c.0@example.test"):
            await waiting.until(lambda: schedule.read(syncing.db), lambda state: "runId" in state)
            doomed.kill()
            await doomed.wait()
        async with service(given):
            runs = await settled(syncing, 2)
    assert [run["status"] for run in runs] == ["ABANDONED", "SUCCEEDED"]
    assert await syncing.db.history.count_documents({"action": "CREATED"}) == NUMBER
    await check(syncing.db)
