"""Makes the next of a series of things while the one before is written."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")


async def ahead(things: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """The same things, none of which is None, each begun as soon as the one before is taken. Close it when leaving
    early, which stops what is being made.
    """
    async with aclosing(things):
        following = asyncio.create_task(anext(things, None))
        try:
            while (thing := await following) is not None:
                following = asyncio.create_task(anext(things, None))
                yield thing
        finally:
            following.cancel()
            await asyncio.wait([following])
