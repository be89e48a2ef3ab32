"""The files of imports, kept in GridFS until their job is done."""

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import suppress
from datetime import datetime

from gridfs import NoFile

from storage.documents import Document
from storage.driver import Database


async def write(db: Database, identifier: str, chunks: AsyncIterable[bytes]) -> int:
    """Keep a file under a job's id; returns its size in bytes. What was written disappears if reading it fails."""
    size = 0
    async with db.upload(identifier) as file:
        async for chunk in chunks:
            size += len(chunk)
            await file.write(chunk)
    return size


async def read(db: Database, identifier: str) -> AsyncGenerator[bytes]:
    """The bytes of a job's file, in pieces. Raises `gridfs.NoFile`."""
    file = await db.uploads.open_download_stream(identifier)
    while chunk := await file.readchunk():
        yield chunk


async def delete(db: Database, identifier: str) -> None:
    """Remove a job's file, if it is there."""
    with suppress(NoFile):
        await db.uploads.delete(identifier)


async def delete_abandoned(db: Database, before: datetime) -> None:
    """Remove what is left of uploads that were cut off, by a kill, before this moment."""
    oldest: Document = {"files_id": {"$lt": _first_id(before)}}
    for identifier in await db.upload_chunks.distinct("files_id", oldest):
        if await db.imports.find_one({"_id": identifier, "status": {"$in": ["QUEUED", "RUNNING"]}}, ["_id"]) is None:
            await db.upload_chunks.delete_many({"files_id": identifier})
            await delete(db, identifier)


def _first_id(moment: datetime) -> str:
    """The least identifier of this moment (see `storage.documents.new_id`)."""
    milliseconds = f"{int(moment.timestamp() * 1000):012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:]}"
