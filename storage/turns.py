"""Who goes first in a process: what people look at (queries), or the long work of imports and syncs."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

_PAUSE_SECONDS = 0.0005
_MOST_PAUSES = 20

_urgent = 0


@contextmanager
def first() -> Iterator[None]:
    """Long work gives way while the block lasts."""
    global _urgent
    _urgent += 1
    try:
        yield
    finally:
        _urgent -= 1


async def give_way() -> None:
    """Let others have their turn: to be called by long work after every half of a millisecond or so.

    What is urgent is waited for, though never for long, so that the work goes on however busy the service is.
    """
    await asyncio.sleep(0)
    for _ in range(_MOST_PAUSES):
        if not _urgent:
            break
        await asyncio.sleep(_PAUSE_SECONDS)
