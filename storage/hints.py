"""Which index serves a list of contacts. MongoDB would find out by trying, for each list anew, and at times wrongly.

Every list is bounded: it either walks an index that has its order, in which what it asks for is frequent, or it sorts
the contacts of a filter that has few. `storage.schema` says what the indexes are.
"""

import asyncio
from dataclasses import dataclass

from storage.documents import Document
from storage.driver import Database
from storage.keys import indexed
from storage.pages import Ordering
from storage.schema import FACETS_INDEX, LIST_INDEX
from storage.selection import Selection

# So many contacts are found and sorted at once.
RARE = 2_000
# How long a walk may take to fill a page with what is not rare, before there may be a better one.
WALK_MS = 150


@dataclass(frozen=True, slots=True)
class Hint:
    """The index to read a list by, and the search term whose contacts to go through if it is the one for searches.

    `most_ms`: how long that may take before `otherwise` is the better one.
    """

    index: str
    lead: str | None = None
    most_ms: int | None = None
    otherwise: "Hint | None" = None


async def hint(db: Database, selection: Selection, ordering: Ordering) -> Hint:
    """How to read this list."""
    if selection.ids is not None:
        return Hint("_id_")
    if selection.updated_since and ordering.field != "keys.updated":
        since = Selection(source=selection.source, gal=selection.gal, updated_since=selection.updated_since)
        if await _count(db, since.query(), "list_updated") < RARE:
            return Hint("list_updated")
    walk = _walk(selection, ordering)
    if not (terms := selection.terms):
        return Hint(walk)
    if walk == LIST_INDEX["keys.name"]:
        return await _search_by_name(db, terms)
    lead, found = (await _rarest(db, terms))[0]
    return Hint("search", lead) if found < RARE else Hint(walk, None, WALK_MS, Hint("search", lead))


async def _search_by_name(db: Database, terms: list[str]) -> Hint:
    """How to read a search in the order of its index.

    Of several words that are all frequent, one can still be far rarer than the others, or they may never meet.
    """
    if len(terms) == 1:
        return Hint("search", terms[0])
    (lead, found), (next_lead, _), *_ = await _rarest(db, terms)
    return Hint("search", lead) if found < RARE else Hint("search", lead, WALK_MS, Hint("search", next_lead))


def _walk(selection: Selection, ordering: Ordering) -> str:
    """The index that has the list's order. Members and reports are sorted unless by name."""
    if selection.group_id is not None:
        return "members"
    if selection.manager_id is not None:
        return "reports"
    return (FACETS_INDEX if selection.facets else LIST_INDEX)[ordering.field]


async def _rarest(db: Database, terms: list[str]) -> list[tuple[str, int]]:
    """The terms and how many contacts have each, the rarest first; of those counted up to `RARE`, the longest."""
    counts = await asyncio.gather(*(_count(db, {"keys.prefixes": indexed(term)}, "search") for term in terms))
    return sorted(zip(terms, counts, strict=True), key=lambda each: (each[1], -len(each[0])))


async def _count(db: Database, query: Document, index: str) -> int:
    return await db.contacts.count_documents(query, limit=RARE, hint=index)
