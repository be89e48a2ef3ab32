"""Delays writes of contacts, so that tests can stop them at a known point."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from storage.driver import Database, Session
from tests.support import waiting


@asynccontextmanager
async def held(db: Database, address: str) -> AsyncIterator[None]:
    """Let nobody take or give up this address within the block: an import stands still before the batch with its row.

    A transaction that is not committed holds the claim, so that others' transactions are tried again and again.
    """
    has_it = asyncio.Event()

    async def hold(session: Session) -> None:
        claim = {"_id": f"smtp:{address}"}
        await db.claims.update_one(claim, {"$set": {"holder": "a test"}}, upsert=True, session=session)
        has_it.set()
        await asyncio.Event().wait()

    holding = asyncio.create_task(db.transaction(hold))
    try:
        async with asyncio.timeout(waiting.SECONDS):
            await has_it.wait()
        yield
    finally:
        holding.cancel()
        await asyncio.wait([holding])
