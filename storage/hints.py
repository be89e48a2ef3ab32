"""Which index serves a list of contacts. MongoDB would find out by trying, for each list anew, and at times wrongly.

Every list is bounded: it either walks an index that has its order, in which what it asks for is frequent, or it sorts
the contacts of a filter that has few. `storage.schema` says what the indexes are.
"""

import asyncio
from dataclasses import dataclass

from storage.documents import Document
from storage.driver import Database
from storage.pages import Ordering
from storage.schema import FACETS_INDEX, LIST_INDEX
from storage.selection import Selection, begins

# So many contacts are found and sorted at once.
RARE = 2_000
# What has the rarest of a search's words is sorted up to so many, too, though that takes longer: a walk for words that
# are not rare may take longer still, since a word often decides the order (a walk by name meets no Zoe before the end),
# and since words may seldom meet in one contact.
FREQUENT = 50_000
# How long a walk may take for words still more frequent, before what has the rarest of them is sorted all the same.
WALK_MS = 150


@dataclass(frozen=True, slots=True)
class Hint:
    """The index to read a list by, and how long that may take before `otherwise` is the better one."""

    index: str
    most_ms: int | None = None
    otherwise: str | None = None


async def hint(db: Database, selection: Selection, ordering: Ordering) -> Hint:
    """How to read this list."""
    if selection.ids is not None:
        return Hint("_id_")
    walk = _walk(selection, ordering)
    if selection.updated_since and ordering.field != "keys.updated":
        since = Selection(source=selection.source, gal=selection.gal, updated_since=selection.updated_since)
        if await _count(db, since.query(), "list_updated", RARE) < RARE:
            return Hint("list_updated")
    if not (terms := selection.terms):
        return Hint(walk)
    if await _rarest(db, terms, RARE) < RARE or await _rarest(db, terms, FREQUENT) < FREQUENT:
        return Hint("words")
    return Hint(walk, WALK_MS, "words")


def _walk(selection: Selection, ordering: Ordering) -> str:
    """The index that has the list's order. Members and reports are sorted unless by name."""
    if selection.group_id is not None:
        return "members"
    if selection.manager_id is not None:
        return "reports"
    return (FACETS_INDEX if selection.facets else LIST_INDEX)[ordering.field]


async def _rarest(db: Database, terms: list[str], most: int) -> int:
    """How many contacts have the rarest of these word beginnings, counted up to `most`."""
    return min(await asyncio.gather(*(_count(db, begins(term), "words", most) for term in terms)))


async def _count(db: Database, query: Document, index: str, most: int) -> int:
    return await db.contacts.count_documents(query, limit=most, hint=index)
