"""Transactions that are tried again."""

import asyncio

import pytest

from storage.driver import Database, Session


async def test_a_conflict_is_tried_again(db: Database) -> None:
    """Of many transactions that change one document at once, each is done in the end."""
    await db.state.insert_one({"_id": "counter", "n": 0})

    async def work(session: Session) -> int:
        found = await db.state.find_one({"_id": "counter"}, session=session)
        assert found
        await asyncio.sleep(0.01)  # so that the others read the same
        await db.state.update_one({"_id": "counter"}, {"$set": {"n": found["n"] + 1}}, session=session)
        return int(found["n"]) + 1

    results = await asyncio.gather(*(db.transaction(work) for _ in range(8)))
    assert sorted(results) == list(range(1, 9))


async def test_what_work_raises_is_raised(db: Database) -> None:
    """An error of the work itself ends the transaction, and nothing of it is there."""

    async def work(session: Session) -> None:
        await db.state.insert_one({"_id": "gone"}, session=session)
        raise LookupError

    with pytest.raises(LookupError):
        await db.transaction(work)
    assert await db.state.find_one({"_id": "gone"}) is None
