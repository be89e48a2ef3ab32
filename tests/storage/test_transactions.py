"""Transactions that are retried."""

import asyncio

import pytest
from pymongo.errors import PyMongoError

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


async def test_a_commit_whose_answer_is_lost_is_repeated(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the connection breaks while the server commits, the commit is repeated, and the work is not."""
    runs = 0

    async def work(session: Session) -> None:
        nonlocal runs
        runs += 1
        await db.state.insert_one({"_id": "once"}, session=session)
        commit = session.commit_transaction

        async def lost() -> None:
            await commit()
            monkeypatch.setattr(session, "commit_transaction", commit)
            raise PyMongoError("connection closed", ["UnknownTransactionCommitResult"])

        monkeypatch.setattr(session, "commit_transaction", lost)

    await db.transaction(work)
    assert (runs, await db.state.count_documents({"_id": "once"})) == (1, 1)


async def test_a_commit_that_did_not_happen_starts_again(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the server gave the transaction up before its commit, the work is done again."""
    runs = 0

    async def work(session: Session) -> None:
        nonlocal runs
        runs += 1
        await db.state.insert_one({"_id": "again"}, session=session)
        commit = session.commit_transaction

        async def aborted() -> None:
            monkeypatch.setattr(session, "commit_transaction", commit)
            await session.abort_transaction()
            raise PyMongoError("the primary stepped down", ["TransientTransactionError"])

        if runs == 1:
            monkeypatch.setattr(session, "commit_transaction", aborted)

    await db.transaction(work)
    assert (runs, await db.state.count_documents({"_id": "again"})) == (2, 1)


async def test_a_commit_that_is_refused_is_an_error(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other error of the commit is raised."""

    async def work(session: Session) -> None:
        async def refused() -> None:
            raise PyMongoError("not authorized")

        monkeypatch.setattr(session, "commit_transaction", refused)

    with pytest.raises(PyMongoError, match="not authorized"):
        await db.transaction(work)
