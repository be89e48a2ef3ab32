"""The cost of requests, counted rather than timed: queries, calls and memory."""

import asyncio
import gc
import sys
import tracemalloc
from pathlib import Path
from types import FrameType

import pytest
from graphql import parse

from resolvers.caller import Caller
from resolvers.events import Feed
from schema.context import Context
from schema.execution.executor import Executable
from storage import statistics
from storage.driver import Database
from tests.support import dataset
from tests.support.queries import counted

ROOT = Path(__file__).parents[3]
FIELDS = "id displayName emailAddress company jobTitle department businessPhone mobilePhone source gal address { city }"
PAGE = f"query ($size: Int) {{ contacts(first: $size) {{ edges {{ cursor node {{ {FIELDS} }} }} }} }}"

QUERIES = {
    "a page": (PAGE, ["find contacts"]),
    "a page and its total": ("{ contacts { nodes { id } totalCount } }", ["find contacts", "find statistics"]),
    "a total of a source": ("{ contacts(filter: {source: CLOUD}) { totalCount } }", ["find statistics"]),
    "managers and groups": (
        "{ contacts { nodes { manager { displayName } groups { nodes { id } } } } }",
        ["find contacts", "find contacts", "find groups"],
    ),
    "managers of managers": ("{ contacts { nodes { manager { manager { id } } } } }", ["find contacts"] * 3),
    "the sync of each": (
        "{ contacts { nodes { onPremises { lastSyncAt nextSyncAt } } } }",
        ["find contacts", "find state", "find state"],
    ),
    "one contact": (f'{{ contact(id: "{dataset.identifier(7)}") {{ {FIELDS} }} }}', ["find contacts"]),
    "the dashboard": ("{ contactStats { total synced cloudOnly hiddenFromGal } }", ["find statistics"]),
}


@pytest.fixture
async def context(db: Database, caller: Caller) -> Context:
    """A directory with 200 contacts."""
    made = list(dataset.contacts(200))
    await db.contacts.insert_many(made)
    await db.groups.insert_many(dataset.groups())
    await db.statistics.update_one({"_id": 0}, {"$set": {"CLOUD_VISIBLE": len(made)}})
    assert statistics.total(await statistics.read(db)) == len(made)
    return Context(caller, "request", Feed(db))


@pytest.mark.parametrize("fast", [True, False], ids=["fast_path", "graphql_core"])
@pytest.mark.parametrize(("query", "expected"), QUERIES.values(), ids=QUERIES.keys())
async def test_queries(context: Context, query: str, expected: list[str], fast: bool) -> None:
    """A request sends a fixed number of queries to the database, whatever the page size, on both paths."""
    with counted() as commands:
        result = await Executable(parse(query)).execute(None, {}, context, fast=fast)
    assert not result.errors
    assert sorted(commands) == expected


async def test_others_are_not_counted(db: Database) -> None:
    """Background work, such as polling for imports, does not count toward a request's cost."""

    async def look() -> None:
        await begun.wait()
        await db.imports.find_one()

    begun = asyncio.Event()
    other = asyncio.create_task(look())
    with counted() as commands:
        begun.set()
        await other
        await db.groups.find_one()
    assert commands == ["find groups"]


@pytest.mark.usefixtures("untraced")
async def test_calls_of_a_page(context: Context) -> None:
    """A request calls few of our functions, and each additional contact calls none."""
    executable = Executable(parse(PAGE))
    costs = {}
    for size in (10, 60, 10, 60):  # the first two fill the caches
        calls = 0

        def count(frame: FrameType, event: str, argument: object) -> None:
            nonlocal calls
            calls += event == "call" and _is_ours(frame)

        sys.setprofile(count)
        try:
            await executable.execute(None, {"size": size}, context)
        finally:
            sys.setprofile(None)
        costs[size] = calls
    assert costs[60] - costs[10] < 50  # a resumed coroutine counts again, so allow a few
    assert costs[60] <= 120


def _is_ours(frame: FrameType) -> bool:
    folder = Path(frame.f_code.co_filename).parent
    return folder.parent == ROOT and folder.name in ("schema", "resolvers", "storage")


@pytest.mark.usefixtures("untraced")
async def test_memory_of_a_page(context: Context) -> None:
    """A contact of a page takes a few kilobytes while it is shown, and leaks nothing."""
    executable = Executable(parse(PAGE))
    peaks = {}
    for size in (10, 60, 10, 60):
        tracemalloc.start()
        try:
            await executable.execute(None, {"size": size}, context)
            peaks[size] = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peaks[60] - peaks[10] <= 50 * 6_000
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(500):
        await executable.execute(None, {"size": 10}, context)
    gc.collect()
    assert sys.getallocatedblocks() - before < 2_500  # other code in the process allocates, too
