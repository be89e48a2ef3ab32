"""Pages, by name, of searches for several common words: an intersection that skips ahead from word to word.

The search index has the contacts of each word in the order of their names. No contact between two neighbors there has
the word, so whole ranges of the other words' contacts can be skipped. Words that few or no contacts have together are
intersected in a few steps if they are at different places in the order of names, like first names and last names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from storage.documents import Document
from storage.driver import Database
from storage.lists import find_command, pages
from storage.lists.pages import Ordering, Page, Window
from storage.lists.selection import Selection

_MAX_STEPS = 40
_MAX_WASTED = 500
"""Contacts that may be read without matching, because their words have the prefix but not the rest of the term."""
_MAX_STRETCH = 500
"""Names of a word's contacts that are read at once: first as many as a page has, then twice as many each time."""


async def read(
    db: Database,
    selection: Selection,
    leads: Sequence[str],
    ordering: Ordering,
    window: Window,
    projection: Mapping[str, int],
) -> Page | None:
    """One page of the selected contacts, which all have words with these indexed prefixes. None if it takes too long.

    The ordering is by name, and the projection must contain it.
    """
    reverse = ordering.descending is not window.backwards
    start, end = (window.before, window.after) if window.backwards else (window.after, window.before)
    limits = {} if end is None else {"$gt" if reverse else "$lt": end}
    words = [_Word(db, lead, reverse, limits, window.limit + 1) for lead in leads]
    nearest, farthest = (max, min) if reverse else (min, max)
    place = None if start is None else _Place(start, there=False)
    found: list[Document] = []
    wasted = 0
    for _ in range(_MAX_STEPS):
        for word in words:
            await word.go_to(place)
            if not word.names:
                return pages.paged(found, window)
            if place is None or farthest(place.name, word.names[0]) != place.name:
                place = _Place(word.names[0])  # no contact before it has this word
        meeting = sorted(set(words[0].names).intersection(*(word.names for word in words[1:])), reverse=reverse)
        selected, looked_at = await _those(db, selection, meeting, window.limit + 1 - len(found), projection)
        found += selected
        wasted += looked_at - len(selected)
        ends = [word.names[-1] for word in words if not word.has_all]
        if len(found) > window.limit or not ends:
            return pages.paged(found, window)
        if wasted > _MAX_WASTED:
            return None
        end_ = nearest(ends)
        if place is None or farthest(place.name, end_) == end_:
            place = _Place(end_, there=False)
    return None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the order of names to continue: at a name (`there`), or right after it."""

    name: str
    there: bool = True


@dataclass(slots=True)
class _Word:
    """The contacts that have a word with this indexed prefix: the names of the next ones, and whether those are all."""

    db: Database
    lead: str
    reverse: bool
    limits: Document
    stretch: int
    names: list[str] = field(default_factory=list)
    has_all: bool = False

    async def go_to(self, place: _Place | None) -> None:
        """Move to a place, and read more names if none is left there. Then `names` is empty only at the end."""
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
        self.stretch = min(2 * self.stretch, _MAX_STRETCH)

    def _is_past(self, name: str, place: _Place) -> bool:
        if name == place.name:
            return place.there
        return (name < place.name) is self.reverse


async def _those(
    db: Database, selection: Selection, names: Sequence[str], most: int, projection: Mapping[str, int]
) -> tuple[list[Document], int]:
    """The first `most` of the selected contacts with these names, in order, and how many contacts were read."""
    found: list[Document] = []
    start = 0
    while start < len(names) and len(found) < most:
        some = {name.rpartition("\0")[2]: name for name in names[start : start + most]}
        query = {**selection.query(), "_id": {"$in": list(some)}}
        read = await find_command.find(db.contacts, query, projection, limit=len(some), hint="_id_")
        there = {contact["_id"]: contact for contact in read}
        # A contact that has been renamed meanwhile may belong elsewhere in the list.
        found += [there[each] for each, name in some.items() if each in there and there[each]["keys"]["name"] == name]
        start += most
    return found[:most], min(start, len(names))
