"""The time limit of queries, and how many operations a caller may run at the same time."""

import asyncio
import contextlib
from collections.abc import Iterator

import httpx
import pytest
from graphql import parse, validate
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from pymongo import monitoring

from resolvers import contacts, statistics
from resolvers.caller import Caller
from resolvers.events import Feed
from runtime import deadline
from schema.build import schema
from schema.context import Context
from schema.execution.operations import Operations, Request
from schema.execution.time_limit import TimeLimit
from settings import Settings
from storage.documents import Document
from storage.driver import Database, Overdue
from storage.lists import find_command
from tests.support import waiting
from tests.support.configured import changed, configured
from tests.support.graphql_http import RESPONSE_JSON
from tests.support.graphql_transport_ws import connected
from tests.support.random_queries import queries
from tests.support.service import served

STATS = "{ contactStats { total } }"
SUBSCRIPTION = "subscription { contactStatsChanged { total } }"
READS = {"find", "aggregate", "count", "distinct"}


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """A directory whose statistics are not read before the event."""
    go_on = asyncio.Event()
    read = statistics.contact_stats

    async def wait(caller: Caller) -> statistics.ContactStats:
        await go_on.wait()
        return await read(caller)

    monkeypatch.setattr(statistics, "contact_stats", wait)
    return go_on


async def test_late_queries(settings: Settings, db: Database, endless: asyncio.Event) -> None:
    """A query that takes too long is canceled, and the error says what to do."""
    async with configured(settings, timeout_seconds=0.05) as client:
        for accept, status in ((RESPONSE_JSON, 503), ("application/json", 200)):
            response = await client.post("/graphql", json={"query": STATS}, headers={"accept": accept})
            assert response.status_code == status
            (error,) = response.json()["errors"]
            assert error["extensions"] == {"code": "TIMEOUT"}
            assert error["message"].startswith("The query took longer than 0.05 seconds, the limit. Request less")


async def test_mutations_are_not_cut_short(settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutation ends however long it takes, so that no one has to guess what it did."""
    async with configured(settings, timeout_seconds=0.01) as client:
        create = contacts.create_contact

        async def create_late(*arguments: object) -> object:
            await asyncio.sleep(0.05)  # five times the limit
            return await create(*arguments)  # type: ignore[arg-type]  # whatever it takes

        monkeypatch.setattr(contacts, "create_contact", create_late)
        person = 'firstName: "A", lastName: "B", displayName: "A B", emailAddress: "a@partner.example"'
        mutation = f"mutation {{ createContact(input: {{{person}}}) {{ __typename }} }}"
        response = await client.post("/graphql", json={"query": mutation})
        assert response.json()["data"] == {"createContact": {"__typename": "CreateContactSuccess"}}


async def test_mongodb_stops_late_reads(db: Database) -> None:
    """MongoDB itself stops a read soon after the limit."""
    await db.history.insert_many([{"_id": number} for number in range(1_000)])
    numbers = {"$range": [0, 10_000]}
    slow: Document = {"$expr": {"$sum": {"$map": {"input": numbers, "in": {"$multiply": ["$$this", "$_id"]}}}}}
    with deadline.Within(-10), pytest.raises(Overdue):
        await find_command.find(db.history, slow)
    with deadline.Within(-10), pytest.raises(Overdue):
        await find_command.count(db.history, slow)


class Reads(monitoring.CommandListener):
    """Records the reads of the test database, and whether they are limited in time."""

    def __init__(self) -> None:
        self.unlimited: list[str] = []
        self.is_listening = False

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if self.is_listening and event.command_name in READS and "maxTimeMS" not in event.command:
            self.unlimited.append(str(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


_reads = Reads()
monitoring.register(_reads)  # for all clients created later


@pytest.fixture
def reads() -> Iterator[Reads]:
    """The reads of a test."""
    _reads.unlimited.clear()
    yield _reads
    _reads.is_listening = False


@given(query=queries(schema._schema, ["nobody"]))
@hypothesis_settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
async def test_every_read_is_limited(settings: Settings, caller: Caller, reads: Reads, query: str) -> None:
    """Each read of a query carries `maxTimeMS`."""
    assume(not validate(schema._schema, parse(query)))
    reads.is_listening = True
    await Operations(settings).run(Request(query, {"no": False}), Context(caller, "request", Feed(caller.db)))
    reads.is_listening = False
    assert reads.unlimited == []


async def test_concurrent_operations(settings: Settings, db: Database, endless: asyncio.Event) -> None:
    """A caller who runs the maximum number of operations has to wait until one has ended."""
    async with configured(settings, max_concurrent_operations=2) as client:

        async def ask() -> httpx.Response:
            return await client.post("/graphql", json={"query": STATS})

        asked = [asyncio.create_task(ask()) for _ in range(3)]
        done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        (refused,) = (each.result() for each in done)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        (error,) = refused.json()["errors"]
        assert error["extensions"] == {"code": "TOO_MANY_OPERATIONS"}
        assert error["message"].startswith("You already run 2 operations at the same time, the maximum. Wait")
        endless.set()
        answers = [await each for each in asked]
        assert sorted(each.status_code for each in answers) == [200, 200, 429]
        assert (await ask()).status_code == 200


async def test_concurrent_subscriptions(settings: Settings, db: Database) -> None:
    """A caller who has the maximum number of subscriptions, on any connections, has to end one first."""
    async with served(changed(settings, max_subscriptions=1)) as (_, url), connected(url) as one, connected(url) as two:
        await one.subscribe("a", SUBSCRIPTION)
        await one.data("a")
        await two.subscribe("b", SUBSCRIPTION)
        message = await two.message("b")
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"] == {"code": "TOO_MANY_OPERATIONS"}
        await one.complete("a")

        async def again() -> str:
            await two.subscribe("c", SUBSCRIPTION)
            kind: str = (await two.message("c"))["type"]
            return kind

        assert await waiting.until(again, lambda kind: kind == "next") == "next"


async def test_what_the_time_limit_cancels() -> None:
    """Blocks that are late are canceled, one after the other; others, and cancellations by others, are left alone."""
    limit = TimeLimit(0.05)

    async def endless() -> None:
        with limit.block():
            await asyncio.Event().wait()

    async def brief() -> str:
        with limit.block():
            await asyncio.sleep(0)
        return "done"

    late = [asyncio.create_task(endless()) for _ in range(3)]
    assert await brief() == "done"
    canceled = asyncio.create_task(endless())
    await asyncio.sleep(0)
    canceled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await canceled
    for each in late:
        with pytest.raises(TimeoutError):
            await each
    with pytest.raises(TimeoutError):  # the timer is set again
        await endless()


async def test_late_block_that_ends_by_itself() -> None:
    """A block that ends while it is being canceled leaves no cancellation behind."""
    limit = TimeLimit(0.01)
    with contextlib.suppress(TimeoutError), limit.block():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
