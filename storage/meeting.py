"""Pages of searches for several common words, by name: leaps from the contacts of one word to those of the others.

The index for searches has the contacts of each word in the order of their names. Nobody between two neighbours there
has the word, so that whole stretches of the others' contacts need no look: words that meet in few contacts, or in none,
are told apart in a few leaps as long as names set them apart, as they do first names and last names.
"""

import asyncio
from collections.abc import Mapping, Sequence

from storage import pages, short_reads, turns
from storage.documents import Document
from storage.driver import Database
from storage.pages import Ordering, Page, Window
from storage.selection import Selection

_STRETCH = 250
"""Names of a word's contacts that are read at once."""
_MOST_LEAPS = 40


async def read(
    db: Database,
    selection: Selection,
    leads: Sequence[str],
    ordering: Ordering,
    window: Window,
    projection: Mapping[str, int],
) -> Page | None:
    """One page of those selected, who all have words with these indexed beginnings; None if it takes too many leaps.

    The ordering is by name, which the projection must keep.
    """
    reverse = ordering.descending is not window.backwards
    later, nearest, farthest = ("$lt", max, min) if reverse else ("$gt", min, max)
    start, end = (window.before, window.after) if window.backwards else (window.after, window.before)
    limits = {} if end is None else {"$gt" if reverse else "$lt": end}
    bounds = {} if start is None else {later: start}
    found: list[Document] = []
    with turns.first():
        for _ in range(_MOST_LEAPS):
            stretches = await asyncio.gather(*(_names(db, lead, bounds | limits, reverse=reverse) for lead in leads))
            meeting = set(stretches[0]).intersection(*stretches[1:])
            found += await _those(
                db, selection, sorted(meeting, reverse=reverse), window.limit + 1 - len(found), projection
            )
            ends = [stretch[-1] for stretch in stretches if len(stretch) == _STRETCH]
            if len(found) > window.limit or not ends or not all(stretches):
                return pages.paged(found, window)
            seen, next_ = nearest(ends), farthest(stretch[0] for stretch in stretches)
            bounds = {later: seen} if farthest(seen, next_) == seen else {f"{later}e": next_}
    return None


async def _names(db: Database, lead: str, bounds: Document, *, reverse: bool) -> list[str]:
    """The names, as sorted by, of the next contacts that have a word with this beginning."""
    query = {"keys.prefixes": lead} | ({"keys.name": bounds} if bounds else {})
    sort = {"keys.name": -1 if reverse else 1}
    found = await short_reads.find(
        db.contacts, query, {"_id": 0, "keys.name": 1}, sort=sort, limit=_STRETCH, hint="search"
    )
    return [contact["keys"]["name"] for contact in found]


async def _those(
    db: Database, selection: Selection, names: Sequence[str], most: int, projection: Mapping[str, int]
) -> list[Document]:
    """The first of the selected contacts among those with these names, in this order."""
    found: list[Document] = []
    for start in range(0, len(names), most):
        some = {name.rpartition("\0")[2]: name for name in names[start : start + most]}
        query = {**selection.query(), "_id": {"$in": list(some)}}
        read = await short_reads.find(db.contacts, query, projection, limit=len(some), hint="_id_")
        there = {contact["_id"]: contact for contact in read}
        # One that is renamed by now may belong elsewhere.
        found += [there[each] for each, name in some.items() if each in there and there[each]["keys"]["name"] == name]
        if len(found) >= most:
            break
    return found[:most]
