"""Distributes the events of one change stream to all subscribers in this process.

The stream is open while there are subscribers. Slow subscribers do not use up memory: one of every event has a bounded
queue and is dropped if it stays full; one of a state is only notified that it changed, and reads it when ready.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager

import structlog

from resolvers import statistics
from resolvers.caller import Caller
from resolvers.contacts import bounded
from resolvers.errors import EventsMissed
from resolvers.statistics import ContactStats
from storage import events
from storage.driver import Database
from storage.events import Event, Moment
from storage.lists.selection import Selection

log = structlog.get_logger(__name__)

QUEUE_SIZE = 1_000
# How long everyone waits for a subscriber whose queue is full before it is dropped.
PATIENCE_SECONDS = 2.0
# The minimum time between two notifications about a state.
TICK_SECONDS = 0.25

Wants = Callable[[Event], bool]


class _Listener:
    """A subscriber to every wanted event."""

    def __init__(self, wants: Wants) -> None:
        self._wants = wants
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUE_SIZE)

    async def hear(self, batch: Sequence[Event]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                for event in filter(self._wants, batch):
                    await self._queue.put(event)
        except TimeoutError:
            self.drop()

    def drop(self) -> None:
        """Replace the queued events by the information that events were lost."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def next(self) -> Event:
        event = await self._queue.get()
        if event is None:
            raise EventsMissed
        return event


class _Bell:
    """A subscriber that only needs to know that some wanted event happened."""

    def __init__(self, wants: Wants) -> None:
        self._wants = wants
        self._rung = asyncio.Event()

    async def hear(self, batch: Sequence[Event]) -> None:
        if any(map(self._wants, batch)):
            self._rung.set()

    def drop(self) -> None:
        """Notify it, because events may have been lost."""
        self._rung.set()

    async def next(self) -> None:
        await self._rung.wait()
        self._rung.clear()


class Feed:
    """The events of a database, for all subscribers in this process. Close it when the process ends."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._listeners: set[_Listener | _Bell] = set()
        self._opening: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def events(self, wants: Wants) -> AsyncGenerator[Event, None]:
        """Each wanted event from now on. Raises `EventsMissed` when events were lost."""
        listener = _Listener(wants)
        async with self._listening(listener):
            while True:
                yield await listener.next()

    async def ticks(self, wants: Wants) -> AsyncGenerator[None, None]:
        """A tick immediately, and one soon after any number of wanted events: the state must be read again."""
        bell = _Bell(wants)
        async with self._listening(bell):
            while True:
                yield
                await asyncio.sleep(TICK_SECONDS)
                await bell.next()

    async def close(self) -> None:
        """Stop following the database, and wait until it has stopped."""
        self._stop()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @asynccontextmanager
    async def _listening(self, listener: _Listener | _Bell) -> AsyncIterator[None]:
        self._listeners.add(listener)
        try:
            if self._opening is None:
                self._opening = self._started(self._open())
            await asyncio.shield(self._opening)
            yield
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                self._stop()

    def _started(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _stop(self) -> None:
        self._opening = None
        for task in self._tasks:
            task.cancel()

    async def _open(self) -> None:
        since = await self._db.next_operation_time()
        self._started(self._run(since)).add_done_callback(self._ended)

    async def _run(self, since: Moment) -> None:
        async with aclosing(events.follow(self._db, since)) as batches:
            async for batch in batches:
                if batch:
                    await asyncio.gather(*(listener.hear(batch) for listener in self._listeners))
                else:
                    self._drop_all()

    def _ended(self, run: asyncio.Task[None]) -> None:
        """The run should only end when canceled. If it ends by itself, that is a defect: subscribers must not hang."""
        if not run.cancelled():
            log.error("following events failed", exc_info=run.exception())
            self._opening = None
            self._drop_all()

    def _drop_all(self) -> None:
        for listener in self._listeners:
            listener.drop()


async def contact_changes(feed: Feed, selection: Selection) -> AsyncGenerator[Event, None]:
    """The changes of contacts from now on: events of the history.

    Only those of contacts that are selected after the change, or were before their deletion. Raises `EventsMissed`,
    and `InvalidRequest` immediately.
    """
    everything = bounded(selection) == Selection()

    def wants(event: Event) -> bool:
        if event.collection != "history" or event.document is None:
            return False
        return everything or (event.known is not None and selection.matches(event.known))

    async with aclosing(feed.events(wants)) as found:
        async for event in found:
            yield event


async def stats_changes(feed: Feed, caller: Caller) -> AsyncGenerator[ContactStats, None]:
    """The statistics for the dashboard: immediately, and whenever they change, at most a few times per second."""
    last: ContactStats | None = None
    async with aclosing(feed.ticks(lambda event: event.collection == "history")) as ticks:
        async for _ in ticks:
            stats = await statistics.contact_stats(caller)
            if stats != last:
                yield stats
            last = stats
