"""The memory that C code takes, such as what encodes documents."""

import ctypes
import sys
from contextlib import suppress

_M_ARENA_MAX = -8  # malloc.h of the GNU C library
_ARENAS = 2


def share() -> None:
    """Let all threads take memory from two heaps, where this system can tell its C library so.

    By default each thread gets one of its own, and none gives back what it once took: with Motor's threads, a long
    import grew the process twice as much.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, _ARENAS)
