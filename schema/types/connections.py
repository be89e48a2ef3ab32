"""Relay connections for lists that are read page by page."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Generic, TypeAlias, TypeVar

import strawberry

from resolvers import paging
from schema.types.cost import weighs
from storage.documents import Document
from storage.lists.pages import Ordering, Page

N = TypeVar("N")

First: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="Number of items from the start of the list, or after `after`. 0 to 500."),
]
After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Only items after this cursor, from the same list and ordering.")
]
Last: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="Number of items from the end of the list, or before `before`. 0 to 500."),
]
Before: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Only items before this cursor, from the same list and ordering.")
]


@dataclass
class Listing:
    """A list that is read only if its edges, nodes or page info are selected, and counted only if its total is.

    `load`: takes the names of the stored fields to read, or None for all. `ready`: the page, if it is known already.
    """

    ordering: Ordering
    load: Callable[[Sequence[str] | None], Awaitable[Page]]
    count: Callable[[], Awaitable[int]]
    ready: Page | None = None
    _page: asyncio.Future[Page] | None = field(default=None, init=False)

    async def page(self) -> Page:
        """The page with all fields, read once."""
        if self._page is None:
            self._page = asyncio.ensure_future(self.load(None))
        return await self._page

    def page_info(self, page: Page, cursors: Sequence[str] | None = None) -> Document:
        """The page info. `cursors`: those of the page's documents or of its two ends, if they are known."""
        if cursors is None:
            cursors = paging.cursors(self.ordering, [*page.documents[:1], *page.documents[-1:]])
        return {
            "hasNextPage": page.has_next,
            "hasPreviousPage": page.has_previous,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        }


def in_memory(found: list[Document], ordering: Ordering, first: int | None, after: str | None) -> Listing:
    """A list of documents that are all in memory."""
    window = paging.window(ordering, first, after)
    key = window.after
    rest = [each for each in found if key is None or paging.key(each, ordering) > key]
    page = Page(rest[: window.limit], has_next=len(rest) > window.limit, has_previous=key is not None)

    async def load(wanted: Sequence[str] | None) -> Page:
        return page

    async def count() -> int:
        return len(found)

    return Listing(ordering, load, count, page)


@strawberry.type(directives=weighs(0), description="The position of a page in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there are items after this page.")
    has_previous_page: bool = strawberry.field(description="Whether there are items before this page.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first item; null if the page is empty.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last item; null if the page is empty.")


@strawberry.type(directives=weighs(0), description="An item of a page, with its cursor.")
class Edge(Generic[N]):
    cursor: str = strawberry.field(description="Opaque position of the item, for `after` and `before`.")
    node: N = strawberry.field(directives=weighs(0), description="The item.")


async def _edges(root: Listing) -> list[Document]:
    page = await root.page()
    return [{"cursor": paging.cursor(root.ordering, each), "node": each} for each in page.documents]


async def _nodes(root: Listing) -> list[Document]:
    return list((await root.page()).documents)


async def _page_info(root: Listing) -> Document:
    return root.page_info(await root.page())


async def _total_count(root: Listing) -> int:
    return await root.count()


@strawberry.type(description="A page of a list (Relay cursor connection).")
class Connection(Generic[N]):
    edges: list[Document] = strawberry.field(
        resolver=_edges, graphql_type=list[Edge[N]], description="The items of the page, with their cursors."
    )
    nodes: list[Document] = strawberry.field(
        resolver=_nodes, graphql_type=list[N], description="The items of the page, without cursors."
    )
    page_info: Document = strawberry.field(
        resolver=_page_info,
        graphql_type=PageInfo,
        directives=weighs(0),
        description="The position of the page in the list.",
    )
    total_count: int = strawberry.field(
        resolver=_total_count,
        directives=weighs(2),
        description="Number of items in the whole list. Only counted if requested.",
    )
