"""Pages of searches for several common words, by name: leaps from the contacts of one word to those of the others.

The index for searches has the contacts of each word in the order of their names. Nobody between two neighbours there
has the word, so that whole stretches of the others' contacts need no look: words that meet in few contacts, or in none,
are told apart in a few leaps as long as names set them apart, as they do first names and last names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from storage.documents import Document
from storage.driver import Database
from storage.lists import find_command, pages
from storage.lists.pages import Ordering, Page, Window
from storage.lists.selection import Selection

_MOST_LEAPS = 40
_MOST_IN_VAIN = 500
"""Contacts that may be read for nothing, when words of the same beginning go on otherwise than those of the search."""
_LONGEST_STRETCH = 500
"""Names of a word's contacts that are read at once: as many as a page has at first, twice as many each time."""


async def read(
    db: Database,
    selection: Selection,
    leads: Sequence[str],
    ordering: Ordering,
    window: Window,
    projection: Mapping[str, int],
) -> Page | None:
    """One page of those selected, who all have words with these indexed beginnings; None if it takes too long.

    The ordering is by name, which the projection must keep.
    """
    reverse = ordering.descending is not window.backwards
    start, end = (window.before, window.after) if window.backwards else (window.after, window.before)
    limits = {} if end is None else {"$gt" if reverse else "$lt": end}
    words = [_Word(db, lead, reverse, limits, window.limit + 1) for lead in leads]
    nearest, farthest = (max, min) if reverse else (min, max)
    place = None if start is None else _Place(start, there=False)
    found: list[Document] = []
    in_vain = 0
    for _ in range(_MOST_LEAPS):
        for word in words:
            await word.go_to(place)
            if not word.names:
                return pages.paged(found, window)
            if place is None or farthest(place.name, word.names[0]) != place.name:
                place = _Place(word.names[0])  # nobody before has this word
        meeting = sorted(set(words[0].names).intersection(*(word.names for word in words[1:])), reverse=reverse)
        selected, looked_at = await _those(db, selection, meeting, window.limit + 1 - len(found), projection)
        found += selected
        in_vain += looked_at - len(selected)
        ends = [word.names[-1] for word in words if not word.has_all]
        if len(found) > window.limit or not ends:
            return pages.paged(found, window)
        if in_vain > _MOST_IN_VAIN:
            return None
        end_ = nearest(ends)
        if place is None or farthest(place.name, end_) == end_:
            place = _Place(end_, there=False)
    return None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the order of names to go on: at a name, or right after it."""

    name: str
    there: bool = True


@dataclass(slots=True)
class _Word:
    """The contacts that have a word with this indexed beginning: the names of the next ones, and if those are all."""

    db: Database
    lead: str
    reverse: bool
    limits: Document
    stretch: int
    names: list[str] = field(default_factory=list)
    has_all: bool = False

    async def go_to(self, place: _Place | None) -> None:
        """Have names from a place on, none only if there are none."""
        if place:
            self.names = [name for name in self.names if self._is_past(name, place)]
        if self.names or self.has_all:
            return
        later = "$lt" if self.reverse else "$gt"
        bounds = self.limits | ({f"{later}e" if place.there else later: place.name} if place else {})
        found = await find_command.find(
            self.db.contacts,
            {"keys.prefixes": self.lead} | ({"keys.name": bounds} if bounds else {}),
            {"_id": 0, "keys.name": 1},
            sort={"keys.name": -1 if self.reverse else 1},
            limit=self.stretch,
            hint="search",
        )
        self.names = [contact["keys"]["name"] for contact in found]
        self.has_all = len(found) < self.stretch
        self.stretch = min(2 * self.stretch, _LONGEST_STRETCH)

    def _is_past(self, name: str, place: _Place) -> bool:
        if name == place.name:
            return place.there
        return (name < place.name) is self.reverse


async def _those(
    db: Database, selection: Selection, names: Sequence[str], most: int, projection: Mapping[str, int]
) -> tuple[list[Document], int]:
    """The first of the selected contacts among those with these names, in this order, and how many were looked at."""
    found: list[Document] = []
    start = 0
    while start < len(names) and len(found) < most:
        some = {name.rpartition("\0")[2]: name for name in names[start : start + most]}
        query = {**selection.query(), "_id": {"$in": list(some)}}
        read = await find_command.find(db.contacts, query, projection, limit=len(some), hint="_id_")
        there = {contact["_id"]: contact for contact in read}
        # One that is renamed by now may belong elsewhere.
        found += [there[each] for each, name in some.items() if each in there and there[each]["keys"]["name"] == name]
        start += most
    return found[:most], min(start, len(names))
