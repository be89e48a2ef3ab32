"""The distribution of events: slow subscribers take no memory, and nobody misses events unknowingly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from pymongo.errors import AutoReconnect, OperationFailure
from structlog.testing import capture_logs

from resolvers import contacts, events
from resolvers.caller import Caller
from resolvers.errors import EventsMissed
from resolvers.events import Feed
from storage import events as stored_events
from storage import recycle_bin
from storage.driver import Database
from storage.events import Event
from storage.lists.selection import Selection
from tests.support import waiting
from tests.support.people import person


@pytest.fixture
async def feed(db: Database) -> AsyncIterator[Feed]:
    feed = Feed(db)
    yield feed
    await feed.close()


class Subscriber:
    """A subscriber to all changes of contacts that reads them one by one."""

    def __init__(self, feed: Feed) -> None:
        self._changes = events.contact_changes(feed, Selection())
        self._next = asyncio.ensure_future(anext(self._changes))

    async def next(self) -> str:
        """The name of the contact that was changed next, or the exception."""
        async with asyncio.timeout(waiting.SECONDS):
            event = await self._next
        self._next = asyncio.ensure_future(anext(self._changes))
        return event.contact["displayName"] if event.contact else event.id


@asynccontextmanager
async def subscribed(feed: Feed) -> AsyncIterator[Subscriber]:
    """A subscriber that gets all changes from now on."""
    subscriber = Subscriber(feed)
    async with aclosing(feed.ticks(lambda event: False)) as ticks:
        await anext(ticks)
    try:
        yield subscriber
    finally:
        subscriber._next.cancel()
        await asyncio.wait([subscriber._next])
        await subscriber._changes.aclose()


async def create(caller: Caller, *names: str) -> None:
    for name in names:
        await contacts.create_contact(caller, person(name))


async def test_slow_subscriber_is_dropped(caller: Caller, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A subscriber that is too slow gets an error; the others miss nothing."""
    monkeypatch.setattr(events, "QUEUE_SIZE", 3)
    monkeypatch.setattr(events, "PATIENCE_SECONDS", 1)
    names = [f"Person {number}" for number in range(8)]
    async with subscribed(feed) as slow, subscribed(feed) as quick:
        creating = asyncio.create_task(create(caller, *names))
        assert [await quick.next() for _ in names] == names
        await creating
        assert await slow.next() == names[0]
        with pytest.raises(EventsMissed):
            await slow.next()


async def test_burst_is_waited_for(caller: Caller, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A burst of events larger than the queue reaches a subscriber that keeps reading."""
    monkeypatch.setattr(events, "QUEUE_SIZE", 1)
    names = [f"Person {number}" for number in range(20)]
    async with subscribed(feed) as subscriber:
        await create(caller, *names)
        assert [await subscriber.next() for _ in names] == names


async def test_outage_is_waited_out(caller: Caller, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the server doesn't answer, nobody gets events; afterwards, everyone gets all of them."""
    monkeypatch.setattr(stored_events, "_RETRY_SECONDS", 0.01)
    async with subscribed(feed) as subscriber:
        await create(caller, "Before")
        assert await subscriber.next() == "Before"
        fail_once(monkeypatch, AutoReconnect("the server is gone"))
        with capture_logs() as logs:
            await create(caller, "During", "After")
            assert [await subscriber.next(), await subscriber.next()] == ["During", "After"]
        assert [entry["event"] for entry in logs] == ["change stream interrupted, retrying"]


async def test_lost_history_is_admitted(caller: Caller, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an interruption longer than the oplog, subscribers get an error that they may have missed events."""
    async with subscribed(feed) as subscriber, subscribed(feed) as other:
        fail_once(monkeypatch, OperationFailure("resume point may no longer be in the oplog", 286))
        with pytest.raises(EventsMissed):
            await subscriber.next()
        with pytest.raises(EventsMissed):
            await other.next()
    async with subscribed(feed) as again:
        await create(caller, "After")
        assert await again.next() == "After"


async def test_unreadable_contacts_are_admitted(caller: Caller, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the changed contacts cannot be read, subscribers get an error that they missed events."""

    async def fail(*_: object) -> None:
        raise AutoReconnect("the server is gone")

    async with subscribed(feed) as subscriber:
        monkeypatch.setattr(recycle_bin, "get_many", fail)
        await create(caller, "Anyone")
        with pytest.raises(EventsMissed):
            await subscriber.next()


async def test_defect_leaves_nobody_waiting(caller: Caller, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect in following the events is logged, its subscribers get an error, and later ones start afresh."""

    def fail(change: dict[str, Any]) -> Event:
        raise RuntimeError("a defect")

    async with subscribed(feed) as subscriber:
        with monkeypatch.context() as patch, capture_logs() as logs:
            patch.setattr(stored_events, "_event", fail)
            await create(caller, "Anyone")
            with pytest.raises(EventsMissed):
                await subscriber.next()
        assert [entry["event"] for entry in logs] == ["following events failed"]
    async with subscribed(feed) as again:
        await create(caller, "Someone")
        assert await again.next() == "Someone"


async def test_server_that_does_not_answer_at_first(
    caller: Caller, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Subscribing while the server doesn't answer raises its error; subscribing afterwards works."""
    with monkeypatch.context() as patch:

        async def fail(db: Database) -> None:
            raise AutoReconnect("the server is gone")

        patch.setattr(Database, "next_operation_time", fail)
        async with aclosing(events.contact_changes(feed, Selection())) as changes:
            with pytest.raises(AutoReconnect):
                await anext(changes)
    async with subscribed(feed) as subscriber:
        await create(caller, "Someone")
        assert await subscriber.next() == "Someone"


def fail_once(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Make the next read of the change stream fail with this error."""
    read = stored_events._next

    async def fail(stream: Any) -> Any:
        monkeypatch.setattr(stored_events, "_next", read)
        raise error

    monkeypatch.setattr(stored_events, "_next", fail)
