"""The files of imports, kept in GridFS until their job is done."""

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import suppress
from datetime import UTC, datetime

from gridfs import NoFile
from pymongo import ASCENDING

from storage.documents import Document
from storage.driver import Database

_CHUNK = 1 << 18
_AT_ONCE = 8


async def write(db: Database, identifier: str, pieces: AsyncIterable[bytes]) -> int:
    """Keep a file under a job's id; returns its size in bytes. What was written disappears if reading it fails.

    It is written as GridFS lays files down; PyMongo's own writer would hold up to 48 MB of it in memory.
    """
    await db.upload_chunks.create_index([("files_id", ASCENDING), ("n", ASCENDING)], unique=True)
    size = number = 0
    try:
        async for some in _chunks(pieces):
            chunks = [{"files_id": identifier, "n": n, "data": data} for n, data in enumerate(some, start=number)]
            await db.upload_chunks.insert_many(chunks)
            number += len(some)
            size += sum(map(len, some))
        at = datetime.now(UTC)
        file = {"_id": identifier, "filename": identifier, "length": size, "chunkSize": _CHUNK, "uploadDate": at}
        await db.upload_files.insert_one(file)
    except BaseException:
        await db.upload_chunks.delete_many({"files_id": identifier})
        raise
    return size


async def _chunks(pieces: AsyncIterable[bytes]) -> AsyncGenerator[list[bytes]]:
    """The same bytes in chunks of one size, the last one shorter, a few at a time."""
    pending = bytearray()
    async for piece in pieces:
        pending += piece
        if len(pending) >= _CHUNK * _AT_ONCE:
            whole = len(pending) - len(pending) % _CHUNK
            yield _cut(pending[:whole])
            del pending[:whole]
    if pending:
        yield _cut(pending)


def _cut(data: bytearray) -> list[bytes]:
    return [bytes(data[start : start + _CHUNK]) for start in range(0, len(data), _CHUNK)]


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
