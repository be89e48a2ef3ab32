"""Waits for conditions: however busy the machine is, but not forever."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

SECONDS = 300.0
"""Far longer than anything takes. If this is exceeded, that is a defect and not a busy machine."""
_PAUSE_SECONDS = 0.01


async def until(look: Callable[[], Awaitable[T]], is_so: Callable[[T], object] = bool) -> T:
    """Wait until `look` returns something that meets the condition, and return it."""
    deadline = time.monotonic() + SECONDS
    while not is_so(found := await look()):
        assert time.monotonic() < deadline, f"still {found!r} after {SECONDS:.0f} s"
        await asyncio.sleep(_PAUSE_SECONDS)
    return found


async def reached(holds: Callable[[], object]) -> None:
    """Wait until the condition holds, while everything else in this event loop continues."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not so after {SECONDS:.0f} s"
        await asyncio.sleep(_PAUSE_SECONDS)


def wait_until(holds: Callable[[], object]) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not so after {SECONDS:.0f} s"
        time.sleep(5 * _PAUSE_SECONDS)
