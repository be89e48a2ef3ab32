"""Keyset pagination: a page starts right after or before a key, never at an offset.

Every ordering is a field with unique values (see `storage.keys`), so that a page is a range of one index, and no
contact is skipped or repeated if others are inserted or deleted meanwhile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pymongo import ASCENDING, DESCENDING

from storage.documents import Document
from storage.driver import Collection
from storage.lists import find_command


@dataclass(frozen=True, slots=True)
class Ordering:
    """The field a list is sorted by, whose values are unique strings, the direction, and the collection."""

    field: str
    descending: bool = False
    of: str = "contacts"


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a list: at most `limit` documents between two keys, the last ones if `backwards`."""

    limit: int
    after: str | None = None
    before: str | None = None
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """The documents of a window, in the list's order, and whether there are more on either side."""

    documents: Sequence[Document]
    has_next: bool
    has_previous: bool


async def read(
    collection: Collection,
    query: Mapping[str, object],
    ordering: Ordering,
    window: Window,
    projection: Mapping[str, int] | Sequence[str] | None = None,
    hint: str | None = None,
    most_ms: int | None = None,
) -> Page:
    """One page of the documents that match the query. The projection must contain the ordering's field.

    Raises PyMongo's `ExecutionTimeout` if reading takes more than `most_ms` milliseconds.
    """
    reverse = ordering.descending is not window.backwards
    found = await find_command.find(
        collection,
        {"$and": [query, bounds]} if (bounds := _bounds(ordering, window)) else query,
        projection,
        sort={ordering.field: DESCENDING if reverse else ASCENDING},
        limit=window.limit + 1,
        hint=hint,
        most_ms=most_ms,
    )
    return paged(found, window)


def paged(found: Sequence[Document], window: Window) -> Page:
    """The page of a window, from its documents in the order they were read, plus one more if there is one."""
    more = len(found) > window.limit
    documents = found[: window.limit]
    if window.backwards:
        return Page(documents[::-1], has_next=window.before is not None, has_previous=more)
    return Page(documents, has_next=more, has_previous=window.after is not None)


def key(document: Document, ordering: Ordering) -> str:
    """The document's key in an ordering. A cursor contains it."""
    return keys([document], ordering)[0]


def keys(documents: Sequence[Document], ordering: Ordering) -> list[str]:
    """The documents' keys in an ordering."""
    if ordering.field.startswith("keys."):
        name = ordering.field.removeprefix("keys.")
        return [document["keys"][name] for document in documents]
    return [document[ordering.field] for document in documents]


def _bounds(ordering: Ordering, window: Window) -> Document:
    later, earlier = ("$lt", "$gt") if ordering.descending else ("$gt", "$lt")
    bounds: Document = {}
    if window.after is not None:
        bounds[later] = window.after
    if window.before is not None:
        bounds[earlier] = window.before
    return {ordering.field: bounds} if bounds else {}
