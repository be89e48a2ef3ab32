"""The dashboard's figures."""

from typing import TypedDict

from resolvers.caller import Caller
from storage import statistics


class ContactStats(TypedDict):
    """How many contacts there are, and of them how many of each kind."""

    total: int
    synced: int
    cloudOnly: int
    hiddenFromGal: int


async def contact_stats(caller: Caller) -> ContactStats:
    """The figures of the dashboard, exact as of the last write, at a cost that no number of contacts changes."""
    counts = await statistics.read(caller.db)
    return {
        "total": statistics.total(counts),
        "synced": statistics.total(counts, sources=["SYNCED"]),
        "cloudOnly": statistics.total(counts, sources=["CLOUD"]),
        "hiddenFromGal": statistics.total(counts, gals=["HIDDEN"]),
    }
