"""Counters of contacts by source and GAL visibility, changed in the same transaction as the contacts.

They are spread over slots, because transactions that all changed a single document would conflict with each other.
A slot is `{_id: 0..15, "CLOUD_VISIBLE": n, "CLOUD_HIDDEN": n, "SYNCED_VISIBLE": n, "SYNCED_HIDDEN": n}`. The sum
of the slots is exact, and the cost of reading it does not depend on the number of contacts.
"""

import itertools
import random
from collections.abc import Collection, Mapping

from storage.documents import GALS, SOURCES, Document, Gal, Source
from storage.driver import Database, Session
from storage.lists import find_command

SLOTS = 16
_next_slot = itertools.cycle(random.sample(range(SLOTS), SLOTS))

Counts = dict[tuple[Source, Gal], int]
_KINDS: dict[str, tuple[Source, Gal]] = {f"{source}_{gal}": (source, gal) for source in SOURCES for gal in GALS}


async def read(db: Database) -> Counts:
    """The number of contacts by source and GAL visibility."""
    counts = dict.fromkeys(_KINDS.values(), 0)
    for slot in await find_command.find(db.statistics, {}, limit=SLOTS):
        for name, count in slot.items():
            if kind := _KINDS.get(name):
                counts[kind] += count
    return counts


def total(counts: Counts, sources: Collection[Source] = SOURCES, gals: Collection[Gal] = GALS) -> int:
    """The sum of the counts of these sources and visibilities."""
    return sum(counts[source, gal] for source in sources for gal in gals)


def tally(deltas: Counts, contact: Document, step: int) -> None:
    """Count a contact in (`step` 1) or out (-1)."""
    kind = (contact["source"], contact["gal"])
    deltas[kind] = deltas.get(kind, 0) + step


async def add(db: Database, deltas: Mapping[tuple[Source, Gal], int], session: Session) -> None:
    """Change the counters by `deltas` in the transaction that changes the contacts."""
    steps = {f"{source}_{gal}": step for (source, gal), step in deltas.items() if step}
    if steps:
        await db.statistics.update_one({"_id": next(_next_slot)}, {"$inc": steps}, upsert=True, session=session)
