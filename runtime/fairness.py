"""Who goes first in a process: what people look at (queries), or the long work of imports and syncs."""

import asyncio
from threading import local

_LONGEST_PAUSE_SECONDS = 0.004


class _Turns(local):
    """How many queries are being answered by the loop of this thread, and the long work that waits for them."""

    def __init__(self) -> None:
        self.queries = 0
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


async def give_way(*, patient: bool = True) -> None:
    """Let others have their turn: to be called by long work after every half of a millisecond or so.

    Queries are waited for, though never for long, so that the work goes on however busy the service is; and not at all
    if it is not `patient`: others may be waiting for a transaction that is open.
    """
    await asyncio.sleep(0)
    if not patient or not _turns.queries:
        return
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
