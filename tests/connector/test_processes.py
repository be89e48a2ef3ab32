"""Two services in processes of their own that sync the same directory, as operators run them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from bench.processes import free_port
from settings import Settings
from storage.documents import Document
from storage.lists.pages import Window
from storage.sync import lease
from storage.sync import runs as sync_runs
from tests.connector.syncing import Syncing
from tests.connector.test_sync_command import environment
from tests.consistency import check

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from tests.ad.administrator import Administrator

pytestmark = [pytest.mark.ad, pytest.mark.slow]

NUMBER = 30
START = "mutation { startDirectorySync(full: true) { __typename } }"


@asynccontextmanager
async def service(given: dict[str, str]) -> AsyncIterator[tuple["Process", str]]:
    """A service in a process of its own that has just been started, and its URL."""
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
    """Ask a service for a sync, as soon as it answers."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as client, asyncio.timeout(60):
        while True:
            with suppress(httpx.TransportError):
                await client.post("/graphql", json={"query": START})
                return
            await asyncio.sleep(0.05)


async def settled(syncing: Syncing, runs: int) -> list[Document]:
    """Every run, the first one first, once there are so many and none goes on or waits."""
    async with asyncio.timeout(60):
        while True:
            state = await lease.read(syncing.db)
            found = (await sync_runs.page(syncing.db, Window(100))).documents
            if len(found) >= runs and not state.get("held") and "request" not in state and "runId" not in state:
                return list(reversed(found))
            await asyncio.sleep(0.05)


async def test_two_services_take_turns(syncing: Syncing, admin: "Administrator", settings: Settings) -> None:
    """Whichever service is asked, one of them syncs at a time, and nothing is made twice."""
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


async def test_killed_service_is_taken_over(syncing: Syncing, admin: "Administrator", settings: Settings) -> None:
    """When the service that syncs is killed, the other one does what it left, within a minute."""
    for number in range(NUMBER):
        admin.add_contact(f"C {number}", info="x" * 1_000)
    given = environment(syncing, settings, CONTACTS_AD_PAGE_SIZE="1")
    async with service(given) as (doomed, _):
        async with asyncio.timeout(60):
            while "runId" not in await lease.read(syncing.db):  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.005)
        os.kill(doomed.pid, signal.SIGSTOP)  # so that it surely is in the middle when it dies
        os.kill(doomed.pid, signal.SIGKILL)
        await doomed.wait()
        async with service(given):
            runs = await settled(syncing, 2)
    assert [run["status"] for run in runs] == ["ABANDONED", "SUCCEEDED"]
    assert await syncing.db.history.count_documents({"action": "CREATED"}) == NUMBER
    await check(syncing.db)
