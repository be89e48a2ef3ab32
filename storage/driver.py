"""The MongoDB client: Motor, or PyMongo's own async client. Only this module knows which.

The rest of `storage` uses PyMongo's async types. Motor has the same methods, but a few of them must be awaited in one
client and not in the other: those are methods of `Database` here.
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
from pymongo.errors import ConfigurationError, ConnectionFailure, CursorNotFound, ExecutionTimeout, PyMongoError
from pymongo.read_concern import ReadConcern

from runtime.deadline import max_time_ms
from storage import transactions
from storage.documents import Document

Session = AsyncClientSession
Collection = AsyncCollection[Document]
DriverName = Literal["motor", "pymongo"]
T = TypeVar("T")

# Raised while the database restarts or cannot be reached. Worth a retry.
Unavailable = (ConnectionFailure, CursorNotFound)

# Raised when a read takes longer than its `maxTimeMS`.
Overdue = ExecutionTimeout

_DURABLE = WriteConcern(w="majority", j=True)
_SCHEMES = ("mongodb://", "mongodb+srv://")


class UnsuitableServer(Exception):
    """Raised at start if the URI is invalid, or the server cannot be reached or does not support transactions."""


class Database:
    """The contacts database: its collections, transactions, and the methods that differ between the two clients."""

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
        self.audit = self.mongo["audit"]
        self.people = self.mongo["people"]
        self.idempotency_keys = self.mongo["idempotencyKeys"]
        self.budgets = self.mongo["budgets"]
        self.imports = self.mongo["imports"]
        self.import_outcomes = self.mongo["importOutcomes"]
        self.import_problems = self.mongo["importProblems"]
        self.upload_chunks = self.mongo["uploads.chunks"]
        self.upload_files = self.mongo["uploads.files"]
        # Motor's class has the same methods, but no types of its own.
        bucket: Any = AsyncIOMotorGridFSBucket if self._motor else AsyncGridFSBucket
        self.uploads: AsyncGridFSBucket = bucket(self.mongo, "uploads")

    async def transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Run `work` in a transaction and commit it durably. On a transient conflict, run it again from the start.

        `work` must therefore make all its reads with the given session and have no other effects.
        """
        async with self._session() as session:

            async def begin() -> None:
                beginning = session.start_transaction(ReadConcern("snapshot"), _DURABLE, ReadPreference.PRIMARY)
                if not self._motor:  # Motor begins immediately, PyMongo on await
                    await beginning

            return await transactions.run(session, begin, work)

    async def aggregate(
        self, collection: Collection, pipeline: Sequence[Mapping[str, Any]], session: Session | None = None
    ) -> AsyncCommandCursor[Document]:
        """The cursor of an aggregation, which Motor returns immediately and PyMongo on await."""
        most = max_time_ms()
        options: dict[str, Any] = {"maxTimeMS": most} if most else {}
        cursor = collection.aggregate(pipeline, session=session, **options)
        # Motor's own cursor class has the same methods.
        return cast("AsyncCommandCursor[Document]", cursor) if self._motor else await cursor

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        # Motor opens a session on await, PyMongo immediately.
        opening = self._client.start_session()
        async with await cast("Awaitable[Session]", opening) if self._motor else opening as session:
            yield session

    @asynccontextmanager
    async def watch(
        self, pipeline: Sequence[Mapping[str, Any]], position: Mapping[str, Any], await_ms: int
    ) -> AsyncIterator[AsyncDatabaseChangeStream[Document]]:
        """The database's change stream from a position: a `resume_after`, or a `start_at_operation_time`.

        Read it with `try_next`, which waits at most `await_ms`. Before the block ends, wait for any read that was
        canceled, since Motor's reads continue in their thread.
        """
        opening = self.mongo.watch(pipeline, max_await_time_ms=await_ms, **position)
        # Motor opens a stream on the first read, PyMongo on await.
        stream = cast("AsyncDatabaseChangeStream[Document]", opening) if self._motor else await opening
        async with stream:
            yield stream

    async def next_operation_time(self) -> Timestamp:
        """The logical time right after all past operations. A change stream that starts here has all later ones."""
        latest: Timestamp = (await self._client.admin.command("ping"))["operationTime"]
        return Timestamp(latest.time, latest.inc + 1)

    async def check(self) -> None:
        """Check that the server answers and supports transactions. Raises `UnsuitableServer`."""
        try:
            hello = await self._client.admin.command("hello")
        except PyMongoError as error:
            raise UnsuitableServer(
                f"MongoDB does not answer: {_reason(error)}. Check that the server is running and that "
                "CONTACTS_MONGODB_URI is correct."
            ) from error
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise UnsuitableServer(
                "This MongoDB server is not a member of a replica set, so it does not support transactions. Start it "
                "with --replSet and run rs.initiate() once, or unset CONTACTS_MONGODB_URI to use the embedded MongoDB."
            )

    async def ping(self) -> None:
        """Check that the server answers. Raises PyMongo's error if it doesn't."""
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
    """The database on the server at `uri`. It connects when first used, so call `check` at start.

    Raises `UnsuitableServer` if the URI is invalid.
    """
    if not uri.startswith(_SCHEMES):
        raise UnsuitableServer(
            "CONTACTS_MONGODB_URI is not a valid MongoDB URI: it must start with mongodb:// or mongodb+srv://, such as "
            "mongodb://db.example:27017/?replicaSet=rs0."
        )
    # Motor has no types of its own.
    client_class: Any = AsyncIOMotorClient if driver == "motor" else AsyncMongoClient
    try:
        client = client_class(
            uri, tz_aware=True, appname="contacts", serverSelectionTimeoutMS=10_000, retryWrites=True, w="majority"
        )
    except (ConfigurationError, ValueError) as error:
        raise UnsuitableServer(f"CONTACTS_MONGODB_URI is not a valid MongoDB URI: {error}") from error
    return Database(cast("AsyncMongoClient[Document]", client), name, driver)


@asynccontextmanager
async def opened(uri: str, name: str, driver: DriverName) -> AsyncIterator[Database]:
    """The database on the server at `uri`, checked with `check` and open until the block ends.

    Raises `UnsuitableServer`.
    """
    db = connect(uri, name, driver)
    try:
        await db.check()
        yield db
    finally:
        await db.close()


def _reason(error: PyMongoError) -> str:
    """Which server cannot be reached and why, without the driver's timeouts and topology description."""
    text = re.sub(r" \(configured timeouts: [^)]*\)", "", str(error))
    text = re.sub(r",? (Timeout|full error): .*", "", text, flags=re.DOTALL)
    return re.sub(r",(?=\S)", "; ", text).rstrip(".")
