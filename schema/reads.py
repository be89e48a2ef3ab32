"""The stored fields that a field reads, so that lists read only those, and resolvers for many documents at once."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from inspect import Signature, signature
from typing import Generic, TypeAlias, TypeVar

from schema.context import Info
from storage.documents import Document

T = TypeVar("T")

# The stored fields to read of documents; None for all of them.
Wanted: TypeAlias = Collection[str] | None


class Batched(Generic[T]):
    """A field resolver built from a function that resolves the field for many documents at once.

    `many(context, documents, wanted, **arguments)` returns one value per document. `wanted`: the stored fields to read
    of each value's document. The fast path calls `many`; graphql-core calls the resolver for each document.
    """

    def __init__(self, many: Callable[..., Awaitable[Sequence[T]]]) -> None:
        self.many = many
        info, root, _ = signature(self.__call__).parameters.values()
        _, _, _, *arguments = signature(many).parameters.values()
        self.__signature__ = Signature([info, root, *arguments])  # Strawberry reads the arguments from here

    async def __call__(self, info: Info, root: Document, **arguments: object) -> T:
        return await info.context.gather(self.many, root, arguments)


def reads(*stored: str) -> Mapping[str, tuple[str, ...]]:
    """The `metadata` for a field whose resolver reads only these stored fields."""
    return {"reads": stored}


def projection(wanted: Wanted) -> list[str] | None:
    """The MongoDB projection of the wanted fields, without fields that are part of another one."""
    if wanted is None:
        return None
    return [name for name in wanted if not any(parent in wanted for parent in _parents(name))] or ["_id"]


def within(name: str, wanted: Wanted) -> set[str]:
    """The stored fields to read of the documents embedded under this name."""
    return {f"{name}.{each}" for each in wanted} if wanted else {name}


def together(parts: Sequence[Wanted]) -> Wanted:
    """The union of the wanted fields."""
    everything: set[str] = set()
    for part in parts:
        if part is None:
            return None
        everything.update(part)
    return everything


def _parents(name: str) -> list[str]:
    pieces = name.split(".")
    return [".".join(pieces[:length]) for length in range(1, len(pieces))]
