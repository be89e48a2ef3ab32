"""Who goes first in a process: what people look at (queries), or the long work of imports and syncs."""

import asyncio
from threading import local
from time import monotonic

_TURN_SECONDS = 0.0005
_LONGEST_PAUSE_SECONDS = 0.004


class _Turns(local):
    """Of this thread's event loop: how many queries it is answering, the long work that waits for them, and when long
    work last continued.
    """

    def __init__(self) -> None:
        self.queries = 0
        self.since = 0.0
        self.waiting: set[asyncio.Future[None]] = set()


_turns = _Turns()


class _First:
    def __enter__(self) -> None:
        _turns.queries += 1

    def __exit__(self, *_: object) -> None:
        _turns.queries -= 1
        if not _turns.queries:
            for waiting in _turns.waiting:
                _go_on(waiting)


# Long work gives way while a block `with first:` lasts.
first = _First()


async def give_way() -> None:
    """Let others have their turn if half a millisecond has passed. Long work calls this after every row or contact.

    While queries are being answered, this waits, but only briefly, so that the work continues however busy the service
    is.
    """
    if monotonic() - _turns.since < _TURN_SECONDS:
        return
    await asyncio.sleep(0)
    if _turns.queries:
        await _pause()
    _turns.since = monotonic()


async def _pause() -> None:
    # Not a short sleep: uvloop takes half a millisecond for none.
    loop = asyncio.get_running_loop()
    waiting = loop.create_future()
    alarm = loop.call_later(_LONGEST_PAUSE_SECONDS, _go_on, waiting)
    _turns.waiting.add(waiting)
    try:
        await waiting
    finally:
        alarm.cancel()
        _turns.waiting.discard(waiting)


def _go_on(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)
