"""Chooses the index for a list of contacts. MongoDB would try several for each new list, and sometimes choose badly.

The work for every list is bounded: it either walks an index in the list's order, in which matching contacts are
frequent, or it sorts the contacts of a filter that matches few. `storage.lists.indexes` defines the indexes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.documents import Document
from storage.driver import Database
from storage.keys import indexed
from storage.lists import find_command
from storage.lists.indexes import FACETS_INDEX, LIST_INDEX
from storage.lists.pages import Ordering
from storage.lists.selection import Selection, begins

# Up to this many contacts are found and then sorted.
RARE = 2_000
# The same if there are several words that can be intersected instead.
FEW = 200
# How long a walk may take to fill a page before the next way is tried.
WALK_MS = 150


@dataclass(frozen=True, slots=True)
class Hint:
    """The index to read a list with, and, for the index `search`, the prefix whose contacts to walk (`lead`).

    `leads`: the prefixes of all words that have one, for `storage.lists.intersection`. `most_ms`: how long the walk may
    take before `otherwise` is tried instead.
    """

    index: str
    lead: str | None = None
    leads: Sequence[str] = ()
    most_ms: int | None = None
    otherwise: "Hint | None" = None


async def hint(db: Database, selection: Selection, ordering: Ordering) -> Hint:
    """Choose how to read this list."""
    if selection.ids is not None:
        return Hint("_id_")
    if selection.updated_since and ordering.field != "keys.updated":
        since = Selection(source=selection.source, gal=selection.gal, updated_since=selection.updated_since)
        if await _count(db, since.query(), "list_updated", RARE) < RARE:
            return Hint("list_updated")
    walk = _walk(selection, ordering)
    terms = sorted(selection.terms, key=len, reverse=True)
    if not terms:
        return Hint(walk)
    by_name = walk == LIST_INDEX["keys.name"]
    if by_name and len(terms) == 1 and terms[0] == indexed(terms[0]):
        return Hint("search", terms[0])
    leads = list(dict.fromkeys(lead for term in terms if by_name and (lead := indexed(term))))
    for term in terms:  # the longest first, because it is most often the rarest
        if await _is_rare(db, term, FEW if len(leads) > 1 and term in leads else RARE):
            return Hint("words")
    if not leads:
        return _in_turn([Hint(walk), Hint("words")])
    one_by_one = _in_turn([Hint("search", lead) for lead in leads])
    return one_by_one if len(leads) == 1 else Hint("search", leads[0], leads, otherwise=one_by_one)


def _walk(selection: Selection, ordering: Ordering) -> str:
    """The index in the list's order. Members and reports are sorted instead, unless the order is by name."""
    if selection.group_id is not None:
        return "members"
    if selection.manager_id is not None:
        return "reports"
    return (FACETS_INDEX if selection.facets else LIST_INDEX)[ordering.field]


async def _is_rare(db: Database, term: str, limit: int) -> bool:
    """Whether fewer contacts than `limit` have a word that begins with this term."""
    if term == indexed(term):
        return await _count(db, {"keys.prefixes": term}, "search", limit) < limit
    return await _count(db, begins(term), "words", limit) < limit


def _in_turn(ways: Sequence[Hint]) -> Hint:
    """The first of these ways, with the others to fall back on if it takes too long.

    One word can be far rarer than another, or no contact may have all of them.
    """
    *walks, found = ways
    for walk in reversed(walks):
        found = Hint(walk.index, walk.lead, most_ms=WALK_MS, otherwise=found)
    return found


async def _count(db: Database, query: Document, index: str, limit: int) -> int:
    return await find_command.count(db.contacts, query, limit=limit, hint=index)
