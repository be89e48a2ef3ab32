"""Reads without a cursor."""

from collections.abc import AsyncIterator

import pytest
from pymongo.errors import AutoReconnect, ExecutionTimeout

from storage.documents import Document, now
from storage.driver import Collection, Database, connect
from storage.lists import find_command


@pytest.fixture(params=["motor", "pymongo"])
async def some(request: pytest.FixtureRequest, db: Database, mongodb_uri: str) -> AsyncIterator[Collection]:
    """An empty collection, with each client."""
    other = connect(mongodb_uri, db.mongo.name, request.param)
    yield other.mongo["short"]
    await other.close()


async def test_finds_what_a_cursor_finds(some: Collection) -> None:
    """Filter, projection, order and limit work as with a cursor, and the values are the same."""
    moment = now()
    await some.insert_many([{"_id": number, "n": -number, "at": moment} for number in range(5)])
    found = await find_command.find(some, {"_id": {"$gt": 0}}, ["at"], sort={"n": 1}, limit=2, hint="_id_")
    assert found == [{"_id": 4, "at": moment}, {"_id": 3, "at": moment}]
    assert len(await find_command.find(some, {})) == 5
    assert await find_command.find_one(some, {"_id": 2}, {"at": 0}) == {"_id": 2, "n": -2}
    assert await find_command.find_one(some, {"_id": 9}) is None


async def test_more_than_an_answer_holds(some: Collection) -> None:
    """Results that are too large for a single answer of the database are found, too."""
    for number in range(20):
        await some.insert_one({"_id": number, "text": "x" * 1_000_000})
    found = await find_command.find(some, {}, sort={"_id": -1}, limit=20)
    assert [each["_id"] for each in found] == list(range(19, -1, -1))


async def test_time_is_limited(some: Collection) -> None:
    """A read that takes too long raises the same error as a cursor."""
    await some.insert_many([{"n": number} for number in range(20_000)])
    slow: Document = {
        "$expr": {"$gt": [{"$reduce": {"input": {"$range": [0, 500]}, "initialValue": 0, "in": "$$this"}}, 600]}
    }
    with pytest.raises(ExecutionTimeout):
        await find_command.find(some, slow, most_ms=1)


async def test_a_lost_connection_is_retried(some: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the connection is lost, the read is retried with a cursor, which reconnects."""
    await some.insert_one({"_id": 1})

    async def lost(*_: object, **__: object) -> None:
        raise AutoReconnect

    monkeypatch.setattr(type(some.database), "command", lost)
    assert await find_command.find(some, {}, sort={"_id": 1}, limit=1) == [{"_id": 1}]
