"""Tells all who listen in this process what happens in the directory, from one change stream.

The stream is open while someone listens. Nobody's slowness costs memory: who listens to every event has a bounded
queue, and is dropped when it stays full; who listens to a state learns only that it changed, and reads it when ready.
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
# How long all wait for one whose queue is full before it is dropped.
PATIENCE_SECONDS = 2.0
# How often one is told of a state that changes all the time.
TICK_SECONDS = 0.25

Wants = Callable[[Event], bool]


class _Listener:
    """One who wants to hear of each event of some kind."""

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
        """Let it know that events were lost, instead of those that it has not heard yet."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def next(self) -> Event:
        event = await self._queue.get()
        if event is None:
            raise EventsMissed
        return event


class _Bell:
    """One who only wants to know that something of some kind happened."""

    def __init__(self, wants: Wants) -> None:
        self._wants = wants
        self._rung = asyncio.Event()

    async def hear(self, batch: Sequence[Event]) -> None:
        if any(map(self._wants, batch)):
            self._rung.set()

    def drop(self) -> None:
        """Let it look again: something may have happened."""
        self._rung.set()

    async def next(self) -> None:
        await self._rung.wait()
        self._rung.clear()


class Feed:
    """The events of a database, for all who listen in this process. Close it when the process ends."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._listeners: set[_Listener | _Bell] = set()
        self._opening: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def events(self, wants: Wants) -> AsyncGenerator[Event, None]:
        """Each wanted event from now on. Raises `EventsMissed` when it cannot be told of all."""
        listener = _Listener(wants)
        async with self._listening(listener):
            while True:
                yield await listener.next()

    async def ticks(self, wants: Wants) -> AsyncGenerator[None, None]:
        """One tick at once, and one soon after wanted events, however many: a state is to be read, or read again."""
        bell = _Bell(wants)
        async with self._listening(bell):
            while True:
                yield
                await asyncio.sleep(TICK_SECONDS)
                await bell.next()

    async def close(self) -> None:
        """Stop following the database, and wait until that is done."""
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
        """It runs until it is cancelled: that it ends by itself is a defect, which nobody shall wait for in vain."""
        if not run.cancelled():
            log.error("events are followed no more", exc_info=run.exception())
            self._opening = None
            self._drop_all()

    def _drop_all(self) -> None:
        for listener in self._listeners:
            listener.drop()


async def contact_changes(feed: Feed, selection: Selection) -> AsyncGenerator[Event, None]:
    """The changes of contacts from now on: events of the history.

    Only of contacts that are selected after the change, or were so before their deletion. Raises `EventsMissed`, and
    `InvalidRequest` at once.
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
    """The figures of the dashboard: at once, and whenever they have changed, a few times a second at most."""
    last: ContactStats | None = None
    async with aclosing(feed.ticks(lambda event: event.collection == "history")) as ticks:
        async for _ in ticks:
            stats = await statistics.contact_stats(caller)
            if stats != last:
                yield stats
            last = stats
