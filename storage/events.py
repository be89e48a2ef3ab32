"""Events from the database's change stream, followed across interruptions.

Every change of a contact inserts a record into the history in the same transaction, so the history is watched instead
of the contacts.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import structlog
from bson import Timestamp
from pymongo.asynchronous.change_stream import AsyncDatabaseChangeStream
from pymongo.errors import OperationFailure, PyMongoError

from storage import contacts, recycle_bin
from storage.documents import Document
from storage.driver import Database
from storage.keys import keys

Moment = Timestamp

log = structlog.get_logger(__name__)

# Inserts and updates in these collections are events.
WATCHED = ("history", "syncRuns", "imports")
_PIPELINE: list[Document] = [
    {"$match": {"ns.coll": {"$in": list(WATCHED)}, "operationType": {"$in": ["insert", "update", "replace"]}}},
    {"$project": {"ns.coll": 1, "documentKey": 1, "fullDocument": 1}},
]
_AWAIT_MS = 500
_BATCH = 500
_RETRY_SECONDS = 0.25
# InvalidResumeToken, ChangeStreamFatalError, ChangeStreamHistoryLost: the stream cannot be resumed.
_LOST = {260, 280, 286}


@dataclass(frozen=True, slots=True)
class Event:
    """A write to a watched collection. `document` is the inserted document, None for an update.

    For the history, `contact` is the changed contact as it is now, None if it is deleted. `known` is the same, or the
    contact as it was before its deletion, and has the keys that filters need.
    """

    collection: str
    id: str
    document: Document | None
    contact: Document | None = None
    known: Document | None = None


async def follow(db: Database, since: Moment) -> AsyncGenerator[Sequence[Event], None]:
    """All events from `since` (see `Database.next_operation_time`) on, in order and in batches.

    Never ends by itself: it retries after errors of the server. An empty batch means that events may have been lost.
    """
    queue: asyncio.Queue[Event | None] = asyncio.Queue(maxsize=2 * _BATCH)
    reader = asyncio.create_task(_read(db, since, queue))
    try:
        while True:
            batch = [await _first(queue, reader)]
            while not queue.empty() and len(batch) < _BATCH:
                batch.append(queue.get_nowait())
            yield await _with_contacts(db, batch)
    finally:
        reader.cancel()
        await asyncio.wait([reader])


async def _first(queue: "asyncio.Queue[Event | None]", reader: "asyncio.Task[None]") -> Event | None:
    """The next item of the queue. If the reader has failed, raises its exception."""
    getting = asyncio.ensure_future(queue.get())
    try:
        await asyncio.wait({getting, reader}, return_when=asyncio.FIRST_COMPLETED)
        if not getting.done():
            reader.result()
        return await getting
    finally:
        getting.cancel()


async def _read(db: Database, since: Moment, queue: "asyncio.Queue[Event | None]") -> None:
    """Read the change stream into the queue, with None where events may have been lost. Ends only when canceled."""
    position: dict[str, Any] = {"start_at_operation_time": since}
    while True:
        try:
            if not position:
                position = {"start_at_operation_time": await db.next_operation_time()}
                await queue.put(None)
            async with db.watch(_PIPELINE, position, _AWAIT_MS) as stream:
                while stream.alive:
                    event = await _next(stream)
                    position = {"resume_after": stream.resume_token} if stream.resume_token else position
                    if event is not None:
                        await queue.put(_event(event))
            position = {}  # the stream ended, so the database was dropped
        except PyMongoError as error:
            log.warning("change stream interrupted, retrying", error=str(error))
            if isinstance(error, OperationFailure) and error.code in _LOST:
                position = {}
            await asyncio.sleep(_RETRY_SECONDS)


async def _next(stream: AsyncDatabaseChangeStream[Document]) -> Document | None:
    """The next event, or None if there is none soon. When canceled, waits for the read first: see `Database.watch`."""
    reading = asyncio.ensure_future(stream.try_next())
    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        with suppress(PyMongoError):
            await reading
        raise


def _event(change: Document) -> Event:
    return Event(change["ns"]["coll"], change["documentKey"]["_id"], change.get("fullDocument"))


async def _with_contacts(db: Database, batch: Sequence[Event | None]) -> Sequence[Event]:
    """The events with their contacts. Empty if events are missing or the contacts cannot be read."""
    events = [event for event in batch if event is not None]
    if len(events) < len(batch):
        return []
    ids = {event.document["contactId"] for event in events if event.collection == "history" and event.document}
    try:
        present = await contacts.get_many(db, ids)
        deleted = await recycle_bin.get_many(db, ids - present.keys())
    except PyMongoError as error:
        log.warning("changed contacts could not be read", error=str(error))
        return []
    known = present | {each: _keyed(entry["contact"]) for each, entry in deleted.items()}
    return [_about(event, present, known) for event in events]


def _keyed(contact: Document) -> Document:
    return {**contact, "keys": keys(contact)}


def _about(event: Event, present: dict[str, Document], known: dict[str, Document]) -> Event:
    if event.collection != "history" or event.document is None:
        return event
    contact_id = event.document["contactId"]
    return replace(event, contact=present.get(contact_id), known=known.get(contact_id))
