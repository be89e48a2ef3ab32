"""Transactions that are retried."""

import asyncio

import pytest

from storage.driver import Database, Session


async def test_a_conflict_is_retried(db: Database) -> None:
    """If many transactions change one document at once, all of them succeed in the end."""
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
    """An error in the work itself aborts the transaction, and nothing is written."""

    async def work(session: Session) -> None:
        await db.state.insert_one({"_id": "gone"}, session=session)
        raise LookupError

    with pytest.raises(LookupError):
        await db.transaction(work)
    assert await db.state.find_one({"_id": "gone"}) is None
