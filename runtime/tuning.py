"""Suits Python to a service: how it takes memory, when it looks for what to give back, how its threads take turns."""

import ctypes
import gc
import sys
from contextlib import suppress

_M_ARENA_MAX = -8  # malloc.h of the GNU C library
_ARENAS = 2
_COLLECTED_AFTER = (3_000, 3, 50)
_TURN_SECONDS = 0.0005
"""By default 5 ms: so long Motor's threads would wait, twice for every call, while an import is worked on."""


def tune() -> None:
    """Do all of it; once, when all modules are loaded."""
    _share_heaps()
    _collect_seldom()
    sys.setswitchinterval(_TURN_SECONDS)


def _share_heaps() -> None:
    """Let all threads take memory from two heaps, where this system can tell its C library so.

    By default each thread gets one of its own, and none gives back what it once took: with Motor's threads, a long
    import grew the process twice as much.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, _ARENAS)


def _collect_seldom() -> None:
    """Look for unused cycles of objects after so many new ones, and never among what is there from the start.

    By default it is after every 700: several times in a request, which leaves nearly none. To go through 10,000 stands
    everything still for 10 ms, and an import has 50,000 in use: so few at a time, and rarely all.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)
