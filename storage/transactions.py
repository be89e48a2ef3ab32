"""Runs transactions, and retries them on transient errors.

Motor's own retry loop does not cover errors of the commit itself, such as when the server was killed or another
transaction was faster. Both clients therefore use this one.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

T = TypeVar("T")

_PATIENCE_SECONDS = 120.0
_LONGEST_PAUSE = 0.25


async def run(
    session: AsyncClientSession,
    begin: Callable[[], Awaitable[None]],
    work: Callable[[AsyncClientSession], Awaitable[T]],
) -> T:
    """Begin, do the work and commit. On a transient error, start again. Raises what `work` raises."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    pause = 0.002
    while True:
        await begin()
        try:
            result = await work(session)
        except Exception as error:
            if session.in_transaction:
                await session.abort_transaction()
            if not _is_retryable(error, "TransientTransactionError", deadline):
                raise
        else:
            if await _commit(session, deadline):
                return result
        await asyncio.sleep(random.uniform(0, pause))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


async def _commit(session: AsyncClientSession, deadline: float) -> bool:
    """Commit, and retry while the result is unknown. Returns false if the transaction must start again."""
    while True:
        try:
            await session.commit_transaction()
        except PyMongoError as error:
            if _is_retryable(error, "UnknownTransactionCommitResult", deadline):
                continue
            if _is_retryable(error, "TransientTransactionError", deadline):
                return False
            raise
        return True


def _is_retryable(error: Exception, label: str, deadline: float) -> bool:
    return isinstance(error, PyMongoError) and error.has_error_label(label) and time.monotonic() < deadline
