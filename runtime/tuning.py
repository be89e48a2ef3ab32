"""Tunes Python for a service: memory allocation, garbage collection and thread switching."""

import ctypes
import gc
import sys
from contextlib import suppress

_M_ARENA_MAX = -8  # malloc.h of the GNU C library
_ARENAS = 2
_COLLECTED_AFTER = (3_000, 3, 50)
_TURN_SECONDS = 0.0005
"""The default is 5 ms. During an import, Motor's threads would wait that long twice per call."""


def tune() -> None:
    """Apply all of it. Call this once, after all modules are loaded."""
    _share_heaps()
    _collect_seldom()
    sys.setswitchinterval(_TURN_SECONDS)


def _share_heaps() -> None:
    """Let all threads allocate from two heaps, where the C library supports it.

    By default, each thread has its own heap and never returns memory to the system. With Motor's threads, a long
    import grew the process twice as much.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, _ARENAS)


def _collect_seldom() -> None:
    """Collect garbage less often, and never scan the objects created at startup.

    By default, a collection runs after every 700 new objects, several times per request, although requests leave
    hardly any reference cycles. Scanning 10,000 objects blocks the process for 10 ms, and an import has 50,000 in use:
    therefore scan few at a time, and rarely all of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)
