"""How long reads may still take: MongoDB itself stops a read whose caller no longer waits for the result."""

import time
from contextvars import ContextVar, Token

# The caller stops waiting first, so that MongoDB's own error is not what it sees.
_GRACE_SECONDS = 1.0

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


class Within:
    """Limits all reads of a block, and of tasks that start in it, to this time and a second more."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds + _GRACE_SECONDS

    def __enter__(self) -> None:
        self._token: Token[float | None] = _deadline.set(time.monotonic() + self._seconds)

    def __exit__(self, *_: object) -> None:
        _deadline.reset(self._token)


def max_time_ms(most_ms: int | None = None) -> int | None:
    """MongoDB's `maxTimeMS` for a read that starts now: at most `most_ms`. None if there is no limit."""
    deadline = _deadline.get()
    if deadline is None:
        return most_ms
    left = max(1, int(1000 * (deadline - time.monotonic())))
    return left if most_ms is None else min(left, most_ms)
