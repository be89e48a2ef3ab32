"""Reads that one answer of the database holds, without a cursor: a cursor's own work is a good part of a short read's.

What a cursor is for is still there: a read that fails since the connection does is tried again, and an answer that
does not hold everything (it would be larger than 16 MB) is read by a cursor instead.
"""

from collections.abc import Mapping, Sequence

from pymongo.errors import ConnectionFailure

from storage.documents import Document
from storage.driver import Collection, Session

Projection = Mapping[str, int] | Sequence[str] | None


async def find(
    collection: Collection,
    query: Mapping[str, object],
    projection: Projection = None,
    *,
    sort: Mapping[str, int] | None = None,
    limit: int = 0,
    hint: str | None = None,
    most_ms: int | None = None,
    session: Session | None = None,
) -> list[Document]:
    """The documents that fulfil the query; `limit` of 0 is all of them, which must be few (it takes longer above 101).

    Raises PyMongo's `ExecutionTimeout` if that takes more than `most_ms` milliseconds. In a transaction, whose
    `session` this is, a lost connection is raised too.
    """
    command: Document = {"find": collection.name, "filter": query}
    if projection is not None:
        command["projection"] = projection if isinstance(projection, Mapping) else dict.fromkeys(projection, 1)
    if sort:
        command["sort"] = sort
    if limit:
        command |= {"limit": limit, "batchSize": limit + 1}  # one more than there can be, so that it is known to be all
    if hint:
        command["hint"] = hint
    if most_ms:
        command["maxTimeMS"] = most_ms
    try:
        answer = await collection.database.command(command, codec_options=collection.codec_options, session=session)
    except ConnectionFailure:
        if session:
            raise
        return await _by_cursor(collection, command, None)
    found: list[Document] = answer["cursor"]["firstBatch"]
    if rest := answer["cursor"]["id"]:
        await collection.database.command("killCursors", collection.name, cursors=[rest], session=session)
        return await _by_cursor(collection, command, session)
    return found


async def find_one(
    collection: Collection,
    query: Mapping[str, object],
    projection: Projection = None,
    session: Session | None = None,
) -> Document | None:
    """The document that fulfils the query."""
    return next(iter(await find(collection, query, projection, limit=1, session=session)), None)


async def _by_cursor(collection: Collection, command: Document, session: Session | None) -> list[Document]:
    cursor = collection.find(
        command["filter"],
        command.get("projection"),
        sort=list(command.get("sort", {}).items()) or None,
        limit=command.get("limit", 0),
        hint=command.get("hint"),
        max_time_ms=command.get("maxTimeMS"),
        session=session,
    )
    return await cursor.to_list(None)
