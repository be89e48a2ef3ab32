"""The statistics for the dashboard."""

from typing import TypedDict

from resolvers.caller import Caller
from storage import statistics


class ContactStats(TypedDict):
    """The number of contacts, in total and by kind."""

    total: int
    synced: int
    cloudOnly: int
    hiddenFromGal: int


async def contact_stats(caller: Caller) -> ContactStats:
    """The statistics, exact as of the last write. The cost does not depend on the number of contacts."""
    counts = await statistics.read(caller.db)
    return {
        "total": statistics.total(counts),
        "synced": statistics.total(counts, sources=["SYNCED"]),
        "cloudOnly": statistics.total(counts, sources=["CLOUD"]),
        "hiddenFromGal": statistics.total(counts, gals=["HIDDEN"]),
    }
