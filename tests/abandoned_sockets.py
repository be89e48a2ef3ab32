"""Sockets that PyMongo's asynchronous client abandons: those whose connecting is cancelled, as when a client is closed.

Python closes them when it collects them, and warns. That must not happen in whichever test runs then.
"""

import asyncio
import gc

ABANDONED = "ignore:unclosed <socket:ResourceWarning"


async def collect_abandoned() -> None:
    """Have them closed now. The test that calls this ignores `ABANDONED` warnings."""
    await asyncio.sleep(0.1)  # until what was cancelled has ended
    gc.collect()
