"""The context of a request: its caller, and the batching of look-ups."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import strawberry
from strawberry.dataloader import DataLoader

from resolvers.caller import Caller
from resolvers.events import Feed
from resolvers.imports.runner import Runner
from storage.documents import Document

T = TypeVar("T")


class Context:
    """The context of a GraphQL request. `feed` has the events for its subscription, `imports` runs its imports."""

    def __init__(
        self,
        caller: Caller,
        request_id: str,
        feed: Feed,
        imports: Runner | None = None,
        *,
        fast_path: bool = True,
    ) -> None:
        self.caller = caller
        self.request_id = request_id
        self.feed = feed
        self.imports = imports or Runner(caller)
        self.fast_path = fast_path
        self._gathering: dict[object, DataLoader[Document, Any]] = {}  # Any: each has its own type of result

    def gather(
        self, many: Callable[..., Awaitable[Sequence[T]]], document: Document, arguments: Mapping[str, object]
    ) -> Awaitable[T]:
        """A document's value from `many` (see `schema.reads`), called once for all documents requested together.

        The arguments must be hashable. Nothing is cached: each event of a subscription reads again.
        """
        key = (many, *arguments.items())
        if key not in self._gathering:
            self._gathering[key] = DataLoader(lambda roots: many(self, roots, None, **arguments), cache=False)
        return self._gathering[key].load(document)


Info = strawberry.Info[Context, None]
