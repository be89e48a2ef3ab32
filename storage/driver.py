"""The MongoDB client: Motor, or PyMongo's own asynchronous one. The one place that knows which.

The rest of `storage` is written against PyMongo's asynchronous types. Motor has the same calls but for a few
that it does or does not await: those are methods of `Database` here.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar, cast

from bson import Timestamp
from gridfs import AsyncGridFSBucket
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorGridFSBucket
from pymongo import AsyncMongoClient, ReadPreference, WriteConcern
from pymongo.asynchronous.change_stream import AsyncDatabaseChangeStream
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.command_cursor import AsyncCommandCursor
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConfigurationError, ConnectionFailure, CursorNotFound, PyMongoError
from pymongo.read_concern import ReadConcern

from storage import transactions
from storage.documents import Document

Session = AsyncClientSession
Collection = AsyncCollection[Document]
DriverName = Literal["motor", "pymongo"]
T = TypeVar("T")

# What a database that restarts or cannot be reached raises: worth trying again.
Unavailable = (ConnectionFailure, CursorNotFound)

_DURABLE = WriteConcern(w="majority", j=True)
_SCHEMES = ("mongodb://", "mongodb+srv://")


class UnsuitableServer(Exception):
    """Raised at start when the MongoDB server cannot be reached, or cannot run transactions, or is none."""


class Database:
    """The contacts database: its collections, transactions, and what differs between the two clients."""

    def __init__(self, client: AsyncMongoClient[Document], name: str, driver: DriverName) -> None:
        self._client = client
        self._motor = driver == "motor"
        self.mongo: AsyncDatabase[Document] = client.get_database(name, write_concern=_DURABLE)
        self.contacts = self.mongo["contacts"]
        self.deleted_contacts = self.mongo["deletedContacts"]
        self.claims = self.mongo["claims"]
        self.groups = self.mongo["groups"]
        self.history = self.mongo["history"]
        self.statistics = self.mongo["statistics"]
        self.state = self.mongo["state"]
        self.sync_runs = self.mongo["syncRuns"]
        self.sync_skips = self.mongo["syncSkips"]
        self.sync_differences = self.mongo["syncDifferences"]
        self.cloud_only = self.mongo["handedOver"]
        self.imports = self.mongo["imports"]
        self.import_outcomes = self.mongo["importOutcomes"]
        self.import_problems = self.mongo["importProblems"]
        self.upload_chunks = self.mongo["uploads.chunks"]
        self.upload_files = self.mongo["uploads.files"]
        # Motor's class has the same methods, but no types of its own.
        bucket: Any = AsyncIOMotorGridFSBucket if self._motor else AsyncGridFSBucket
        self.uploads: AsyncGridFSBucket = bucket(self.mongo, "uploads")

    async def transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Run `work` in a transaction and commit it durably; on a passing conflict, run it again from the start.

        `work` must therefore read what it decides upon with the session it is given, and have no other effects.
        """
        async with self._session() as session:

            async def begin() -> None:
                beginning = session.start_transaction(ReadConcern("snapshot"), _DURABLE, ReadPreference.PRIMARY)
                if not self._motor:  # Motor begins at once, PyMongo on await
                    await beginning

            return await transactions.run(session, begin, work)

    async def aggregate(
        self, collection: Collection, pipeline: Sequence[Mapping[str, Any]], session: Session | None = None
    ) -> AsyncCommandCursor[Document]:
        """The cursor of an aggregation, which Motor returns at once and PyMongo on await."""
        cursor = collection.aggregate(pipeline, session=session)
        # Motor's own cursor class has the same methods.
        return cast("AsyncCommandCursor[Document]", cursor) if self._motor else await cursor

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        # Motor opens a session on await, PyMongo at once.
        opening = self._client.start_session()
        async with await cast("Awaitable[Session]", opening) if self._motor else opening as session:
            yield session

    @asynccontextmanager
    async def watch(
        self, pipeline: Sequence[Mapping[str, Any]], position: Mapping[str, Any], await_ms: int
    ) -> AsyncIterator[AsyncDatabaseChangeStream[Document]]:
        """The database's change stream from a position: a `resume_after`, or a `start_at_operation_time`.

        Read it with `try_next`, which waits `await_ms` at most; a read that is given up must have ended before the
        block does, since Motor's goes on in its thread.
        """
        opening = self.mongo.watch(pipeline, max_await_time_ms=await_ms, **position)
        # Motor opens a stream on the first read, PyMongo on await.
        stream = cast("AsyncDatabaseChangeStream[Document]", opening) if self._motor else await opening
        async with stream:
            yield stream

    async def next_operation_time(self) -> Timestamp:
        """The logical time that follows all that has happened: where a change stream starts that tells all else."""
        latest: Timestamp = (await self._client.admin.command("ping"))["operationTime"]
        return Timestamp(latest.time, latest.inc + 1)

    async def check(self) -> None:
        """Make sure that the server answers and can run transactions, else raise `UnsuitableServer`."""
        try:
            hello = await self._client.admin.command("hello")
        except PyMongoError as error:
            raise UnsuitableServer(
                f"MongoDB does not answer: {_reason(error)}. Check CONTACTS_MONGODB_URI and that the server runs."
            ) from error
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise UnsuitableServer(
                "This MongoDB server stands alone and cannot run transactions. Start it with --replSet and run "
                "rs.initiate() once, or leave CONTACTS_MONGODB_URI unset to use the embedded server."
            )

    async def ping(self) -> None:
        """Ask the server for a sign of life; raises PyMongo's error if there is none."""
        await self._client.admin.command("ping")

    async def drop(self) -> None:
        """Delete the whole database."""
        await self._client.drop_database(self.mongo.name)

    async def close(self) -> None:
        """Close all connections."""
        closing = self._client.close()
        if not self._motor:
            await closing


def connect(uri: str, name: str, driver: DriverName) -> Database:
    """The database on the server at `uri`. Connects when first used: call `check` at start.

    Raises `UnsuitableServer` if the URI is none.
    """
    if not uri.startswith(_SCHEMES):
        raise UnsuitableServer(
            "CONTACTS_MONGODB_URI is no URI of a MongoDB: it begins with mongodb:// or mongodb+srv://, such as "
            "mongodb://db.example:27017/?replicaSet=rs0."
        )
    # Motor has no types of its own.
    client_class: Any = AsyncIOMotorClient if driver == "motor" else AsyncMongoClient
    try:
        client = client_class(
            uri, tz_aware=True, appname="contacts", serverSelectionTimeoutMS=10_000, retryWrites=True, w="majority"
        )
    except (ConfigurationError, ValueError) as error:
        raise UnsuitableServer(f"CONTACTS_MONGODB_URI is no URI of a MongoDB: {error}") from error
    return Database(cast("AsyncMongoClient[Document]", client), name, driver)


@asynccontextmanager
async def opened(uri: str, name: str, driver: DriverName) -> AsyncIterator[Database]:
    """The database on the server at `uri`, checked to be one to work with, until the block ends.

    Raises `UnsuitableServer`.
    """
    db = connect(uri, name, driver)
    try:
        await db.check()
        yield db
    finally:
        await db.close()


def _reason(error: PyMongoError) -> str:
    """Which server cannot be reached and why, without the driver's timeouts and its view of all servers."""
    text = re.sub(r" \(configured timeouts: [^)]*\)", "", str(error))
    text = re.sub(r",? (Timeout|full error): .*", "", text, flags=re.DOTALL)
    return re.sub(r",(?=\S)", "; ", text).rstrip(".")
