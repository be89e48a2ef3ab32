"""The context of one GraphQL request: its caller, and loaders that resolve a field for many documents at once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import strawberry
from strawberry.dataloader import DataLoader

from resolvers.caller import Caller, Identity
from resolvers.errors import Forbidden
from resolvers.events import Feed
from resolvers.imports.runner import Runner
from storage.documents import Document

T = TypeVar("T")


async def _free(units: float) -> None:
    """Without a rate limit, nothing is paid."""


class Context:
    """The context of one GraphQL request. `feed` serves its subscriptions, `imports` runs its imports.

    For the audit log: `refusals` is what the caller was refused so far, `is_recorded` whether the read has an entry.
    `spend` pays for an operation, see `resolvers.rate_limits`.
    """

    def __init__(
        self,
        caller: Caller,
        request_id: str,
        feed: Feed,
        imports: Runner | None = None,
        identity: Identity | None = None,
        *,
        fast_path: bool = True,
    ) -> None:
        self.caller = caller
        self.request_id = request_id
        self.feed = feed
        self.imports = imports or Runner(caller)
        self.fast_path = fast_path
        self.identity = identity or Identity(caller.author.id, caller.author.name, "APP", caller.role)
        self.spend: Callable[[float], Awaitable[None]] = _free
        self.refusals: list[Forbidden] = []
        self.is_recorded = False
        self._loaders: dict[object, DataLoader[Document, Any]] = {}  # Any: values of any field

    def gather(
        self, many: Callable[..., Awaitable[Sequence[T]]], document: Document, arguments: Mapping[str, object]
    ) -> Awaitable[T]:
        """One document's value from `many` (see `schema.reads`), which is called once for all concurrent requests.

        The arguments must be hashable. Nothing is cached, so that each event of a subscription reads fresh data.
        """
        key = (many, *arguments.items())
        if key not in self._loaders:
            self._loaders[key] = DataLoader(lambda roots: many(self, roots, None, **arguments), cache=False)
        return self._loaders[key].load(document)


Info = strawberry.Info[Context, None]
