"""Counts what a database is asked, by its own profiler, whichever client asks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from storage.documents import Document
from storage.driver import Database


@asynccontextmanager
async def profiled(db: Database) -> AsyncIterator[list[Document]]:
    """What the database's profiler says of each command within the block, filled in when it ends."""
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


@asynccontextmanager
async def counted(db: Database) -> AsyncIterator[list[str]]:
    """The commands that the database runs within the block, as `"find contacts"`, filled in when it ends."""
    commands: list[str] = []
    entries: list[Document] = []
    try:
        async with profiled(db) as entries:
            yield commands
    finally:
        commands += [f"{next(iter(each['command']))} {each['ns'].partition('.')[2]}" for each in entries]
