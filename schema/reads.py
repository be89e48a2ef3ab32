"""What fields read, so that lists read only necessary fields, and resolve each for all items at once."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from inspect import Signature, signature
from typing import Generic, TypeAlias, TypeVar

from schema.context import Info
from storage.documents import Document

T = TypeVar("T")

# The stored fields to read from some documents, None for all.
Wanted: TypeAlias = Collection[str] | None


class Batched(Generic[T]):
    """The resolver of a field, based on a function that resolves it for many documents at once.

    `many(context, documents, wanted, **arguments)` returns one value per document. `wanted` are the stored fields to
    read of each value's document. The fast path calls `many`; graphql-core calls the resolver for each document.
    """

    def __init__(self, many: Callable[..., Awaitable[Sequence[T]]]) -> None:
        self.many = many
        info, root, _ = signature(self.__call__).parameters.values()
        _, _, _, *arguments = signature(many).parameters.values()
        self.__signature__ = Signature([info, root, *arguments])  # Strawberry looks for the arguments here

    async def __call__(self, info: Info, root: Document, **arguments: object) -> T:
        return await info.context.gather(self.many, root, arguments)


def reads(*stored: str) -> Mapping[str, tuple[str, ...]]:
    """The `metadata` of a field whose resolver only reads these stored fields."""
    return {"reads": stored}


def projection(wanted: Wanted) -> list[str] | None:
    """The projection for MongoDB: the wanted fields, without those inside another one."""
    if wanted is None:
        return None
    return [name for name in wanted if not any(parent in wanted for parent in _parents(name))] or ["_id"]


def within(name: str, wanted: Wanted) -> set[str]:
    """The stored fields to read of documents embedded under this name."""
    return {f"{name}.{each}" for each in wanted} if wanted else {name}


def together(parts: Sequence[Wanted]) -> Wanted:
    """The union of these fields."""
    everything: set[str] = set()
    for part in parts:
        if part is None:
            return None
        everything.update(part)
    return everything


def _parents(name: str) -> list[str]:
    pieces = name.split(".")
    return [".".join(pieces[:length]) for length in range(1, len(pieces))]
