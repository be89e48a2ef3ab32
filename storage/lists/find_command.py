"""Reads with a single command and no cursor, because a cursor's own work takes much of the time of a short read.

What a cursor does is still done: a read that fails because of the connection is retried, and if the result does not fit
into one answer (more than 16 MB), it is read with a cursor instead.
"""

from collections.abc import Mapping, Sequence

from pymongo.errors import ConnectionFailure

from runtime.deadline import max_time_ms
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
    """The documents that match the query. With a `limit` of 0, all of them, which is slower if there are more than 101.

    Raises PyMongo's `ExecutionTimeout` if this takes more than `most_ms` milliseconds. In a transaction (`session`), a
    lost connection is not retried but raised.
    """
    command: Document = {"find": collection.name, "filter": query}
    if projection is not None:
        command["projection"] = projection if isinstance(projection, Mapping) else dict.fromkeys(projection, 1)
    if sort:
        command["sort"] = sort
    if limit:
        command |= {"limit": limit, "batchSize": limit + 1}  # one more, so that MongoDB knows it is complete
    if hint:
        command["hint"] = hint
    if most := max_time_ms(most_ms):
        command["maxTimeMS"] = most
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
    *,
    sort: Mapping[str, int] | None = None,
) -> Document | None:
    """The first document that matches the query, or None."""
    return next(iter(await find(collection, query, projection, sort=sort, limit=1, session=session)), None)


async def count(collection: Collection, query: Mapping[str, object], *, hint: str | None = None, limit: int = 0) -> int:
    """The number of documents that match the query. With a `limit`, at most that many."""
    options: Document = {"hint": hint} if hint else {}
    if limit:
        options["limit"] = limit
    if most := max_time_ms():
        options["maxTimeMS"] = most
    return await collection.count_documents(query, **options)


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
