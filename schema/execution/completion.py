"""Completion: converts the values of a field to the response, for many objects at once."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeVar

from resolvers import paging
from schema.execution.shape import Shape, Unexpected
from schema.reads import Wanted, projection, together
from schema.types.connections import Listing
from storage.documents import Document
from storage.lists.pages import Page

T = TypeVar("T")
_NO_PAGE = Page([], has_next=False, has_previous=False)


class Completer(Protocol):
    """Completes the values of a field."""

    @property
    def wanted(self) -> Wanted:
        """The stored fields to read of the values' documents."""

    async def complete(
        self, run: Any, values: Sequence[object]
    ) -> Sequence[object]:  # Any: a `schema.execution.run.Execution`
        """The part of the response for each value. Raises `Unexpected` if a value does not match its type."""


@dataclass(frozen=True, slots=True)
class Plain:
    """Completes values that need no more data, with a generated function."""

    wanted: Wanted
    show: Callable[[Sequence[object]], Sequence[object]]

    async def complete(self, run: Any, values: Sequence[object]) -> Sequence[object]:
        """See `Completer`."""
        return self.show(values)


@dataclass(frozen=True, slots=True)
class Objects:
    """Completes objects with their shape."""

    shape: Shape
    nullable: bool

    @property
    def wanted(self) -> Wanted:
        """See `Completer`."""
        return self.shape.wanted

    async def complete(self, run: Any, values: Sequence[object]) -> Sequence[object]:
        """See `Completer`."""
        present = [value for value in values if value is not None]
        if len(present) == len(values):
            return await self.shape.show(run, present)
        if not self.nullable:
            raise Unexpected
        shown = iter(await self.shape.show(run, present) if present else ())
        return [None if value is None else next(shown) for value in values]


@dataclass(frozen=True)
class Connections:
    """Completes Relay connections: reads pages with only the selected fields, and shows the items of all pages at once.

    `fields`: the selected fields with their shapes, if any, by response key. The shape of `edges` takes the cursor in
    addition to the node's document.
    """

    fields: Mapping[str, tuple[str, Shape | None]]
    type_name: str
    wanted: Wanted = ()  # a listing is not a document

    async def complete(self, run: Any, values: Sequence[object]) -> Sequence[object]:
        """See `Completer`."""
        listings = [_listing(value) for value in values]
        pages, totals = await self._read(listings)
        read = _Read(listings, pages, totals, self._cursors(listings, pages))
        columns = []
        for name, shape in self.fields.values():  # not a comprehension, which would be another coroutine
            columns.append(await self._column(run, name, shape, read))
        if not columns:  # @skip and @include may leave nothing
            return [{} for _ in values]
        return [dict(zip(self.fields, row, strict=True)) for row in zip(*columns, strict=True)]

    async def _column(self, run: Any, name: str, shape: Shape | None, read: "_Read") -> Sequence[object]:
        match name, shape:
            case "edges", Shape():
                return read.split(await shape.show(run, read.documents, _joined(read.cursors)))
            case "nodes", Shape():
                return read.split(await shape.show(run, read.documents))
            case "pageInfo", Shape():
                return await shape.show(run, read.page_infos())
            case "totalCount", None:
                return read.totals
            case _:
                return [self.type_name] * len(read.listings)

    async def _read(self, listings: Sequence[Listing]) -> tuple[Sequence[Page], Sequence[int]]:
        """The selected pages and totals, read at the same time."""
        if "totalCount" not in self._names:
            return await self._pages(listings), ()
        counting = _all([listing.count() for listing in listings])
        if self._names <= {"totalCount", "__typename"}:
            return [_NO_PAGE] * len(listings), await counting
        return await asyncio.gather(self._pages(listings), counting)

    async def _pages(self, listings: Sequence[Listing]) -> Sequence[Page]:
        if pages := [listing.ready for listing in listings if listing.ready]:
            return pages
        return await _all([listing.load(self._projection) for listing in listings])

    def _cursors(self, listings: Sequence[Listing], pages: Sequence[Page]) -> Sequence[Sequence[str]]:
        """The cursors of each page's documents, if selected."""
        if "edges" not in self._names:
            return ()
        return [paging.cursors(each.ordering, page.documents) for each, page in zip(listings, pages, strict=True)]

    @cached_property
    def _names(self) -> set[str]:
        return {name for name, _ in self.fields.values()}

    @cached_property
    def _projection(self) -> list[str] | None:
        shapes = [shape for name, shape in self.fields.values() if shape and name in ("edges", "nodes")]
        return projection(together([shape.wanted for shape in shapes]))


@dataclass(frozen=True, slots=True)
class _Read:
    """The pages, totals and cursors of listings. `cursors`: those of each page's documents, if selected."""

    listings: Sequence[Listing]
    pages: Sequence[Page]
    totals: Sequence[int]
    cursors: Sequence[Sequence[str]]

    @property
    def documents(self) -> Sequence[Document]:
        """The documents of all pages, in one list."""
        return _joined([page.documents for page in self.pages])

    def page_infos(self) -> list[Document]:
        """The page info of each page."""
        every = itertools.zip_longest(self.listings, self.pages, self.cursors)
        return [listing.page_info(page, cursors) for listing, page, cursors in every]

    def split(self, shown: list[Document]) -> Sequence[list[Document]]:
        """The shown documents, split by page."""
        if len(self.pages) == 1:
            return [shown]
        rest = iter(shown)
        return [list(itertools.islice(rest, len(page.documents))) for page in self.pages]


def _joined(lists: Sequence[Sequence[T]]) -> Sequence[T]:
    return lists[0] if len(lists) == 1 else list(itertools.chain.from_iterable(lists))


async def _all(awaitables: Sequence[Awaitable[T]]) -> Sequence[T]:
    """The results in order. A single awaitable is awaited directly, without a task."""
    if len(awaitables) == 1:
        return [await awaitables[0]]
    return await asyncio.gather(*awaitables)


def _listing(value: object) -> Listing:
    if not isinstance(value, Listing):
        raise Unexpected
    return value
