"""Cancels what takes longer than a time limit, with one timer for everything that runs.

`asyncio.timeout` sets a timer each time, which would take two percent of the time of a page.
"""

import asyncio
from types import TracebackType

from runtime import deadline


class TimeLimit:
    """A time limit for any number of blocks: `with limit.block(): await …`. Raises `TimeoutError` in the late ones."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._running: dict[_Block, None] = {}  # in the order in which they will be late
        self._alarm: asyncio.TimerHandle | None = None

    def block(self) -> "_Block":
        """A block that must not take longer. Its reads of MongoDB end soon after, too."""
        return _Block(self)

    def begin(self, block: "_Block") -> None:
        """Watch a block from now on."""
        self._running[block] = None
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_at(block.ends, self._ring)

    def end(self, block: "_Block") -> None:
        """Watch a block no longer."""
        self._running.pop(block, None)

    def _ring(self) -> None:
        """Cancel all blocks that are late, and wait for the next one."""
        loop = asyncio.get_running_loop()
        while (block := next(iter(self._running), None)) and block.ends <= loop.time():
            del self._running[block]
            block.cancel()
        self._alarm = loop.call_at(block.ends, self._ring) if block else None


class _Block:
    """Works like `asyncio.timeout`: only a cancellation of its own becomes a `TimeoutError`."""

    def __init__(self, limit: TimeLimit) -> None:
        self._limit = limit
        self._is_late = False
        self._reads = deadline.Within(limit.seconds)

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("A time limit requires a task.")
        self._task = task
        self._cancelling = task.cancelling()
        self.ends = asyncio.get_running_loop().time() + self._limit.seconds
        self._reads.__enter__()
        self._limit.begin(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._limit.end(self)
        self._reads.__exit__()
        if self._is_late and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def cancel(self) -> None:
        """Cancel the task of the block, which is late."""
        self._is_late = True
        self._task.cancel()
