"""Records the commands sent to a database: those of a task, or all of them as its profiler sees them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

from pymongo import monitoring

from storage.documents import Document
from storage.driver import Database

_asked: ContextVar[list[str] | None] = ContextVar("asked", default=None)


class _Listener(monitoring.CommandListener):
    """Records only the commands of a task that counts: the service's own tasks use the database all the time."""

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        asked = _asked.get()
        if asked is not None and event.database_name != "admin":
            of = event.command.get("collection", event.command[event.command_name])  # getMore has its cursor first
            asked.append(f"{event.command_name} {of}")

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


monitoring.register(_Listener())  # for all clients created later


@contextmanager
def counted() -> Iterator[list[str]]:
    """The commands that this task sends to any database within the block, such as `"find contacts"`."""
    commands: list[str] = []
    token = _asked.set(commands)
    try:
        yield commands
    finally:
        _asked.reset(token)


@asynccontextmanager
async def profiled(db: Database) -> AsyncIterator[list[Document]]:
    """The profiler's entries of all commands within the block, from any client. Filled in when the block ends."""
    entries: list[Document] = []
    await db.mongo.command("profile", 2)
    try:
        yield entries
    finally:
        await db.mongo.command("profile", 0)
        profile = db.mongo["system.profile"]
        kinds = ["query", "command", "getmore", "insert", "update", "remove"]
        async for entry in profile.find({"op": {"$in": kinds}}):
            if next(iter(entry["command"])) != "profile":
                entries.append(entry)
        await profile.drop()
