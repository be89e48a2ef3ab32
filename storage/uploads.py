"""The files of imports, stored in GridFS until the import has finished."""

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
    """Store a file under an import's ID, and return its size in bytes. If reading it fails, nothing is kept.

    It writes the format of GridFS itself, because PyMongo's writer would keep up to 48 MB in memory.
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
    """The same bytes in chunks of equal size, except for the last one, a few at a time."""
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
    """The bytes of an import's file, in pieces. Raises `gridfs.NoFile`."""
    file = await db.uploads.open_download_stream(identifier)
    while chunk := await file.readchunk():
        yield chunk


async def delete(db: Database, identifier: str) -> None:
    """Delete an import's file, if there is one."""
    with suppress(NoFile):
        await db.uploads.delete(identifier)


async def delete_abandoned(db: Database, before: datetime) -> None:
    """Delete the remains of uploads that were interrupted, for example because the service was killed, before this."""
    oldest: Document = {"files_id": {"$lt": _first_id(before)}}
    for identifier in await db.upload_chunks.distinct("files_id", oldest):
        if await db.imports.find_one({"_id": identifier, "status": {"$in": ["QUEUED", "RUNNING"]}}, ["_id"]) is None:
            await db.upload_chunks.delete_many({"files_id": identifier})
            await delete(db, identifier)


def _first_id(moment: datetime) -> str:
    """The lowest ID that can be created at this time (see `storage.documents.new_id`)."""
    milliseconds = f"{int(moment.timestamp() * 1000):012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:]}"
