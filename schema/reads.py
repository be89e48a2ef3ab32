"""What a field with a resolver reads, so that a list asks MongoDB for no more, and resolves it for all at once."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

# The stored fields that are wanted of some documents; None wants them all.
Wanted: TypeAlias = Collection[str] | None

# Takes the request's context, the documents, what is wanted of each value's document, and the field's arguments by
# name; returns one value per document. Any: contexts and arguments are as different as resolvers are.
Many: TypeAlias = Callable[..., Awaitable[Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Reads:
    """What a field's resolver needs: stored fields of its document, and the resolver of many documents at once."""

    stored: tuple[str, ...]
    many: Many | None = None


def reads(*stored: str, many: Many | None = None) -> Mapping[str, Reads]:
    """The `metadata` of a field whose resolver reads only these stored fields.

    `many(context, documents, wanted, **arguments)` gives the values of the field for all documents at once.
    """
    return {"reads": Reads(stored, many)}


def projection(wanted: Wanted) -> list[str] | None:
    """What to ask MongoDB for: the wanted fields, without those that lie within another."""
    if wanted is None:
        return None
    return [name for name in wanted if not any(parent in wanted for parent in _parents(name))] or ["_id"]


def within(name: str, wanted: Wanted) -> set[str]:
    """The stored fields that are wanted of the documents embedded under this name."""
    return {f"{name}.{each}" for each in wanted} if wanted else {name}


def together(parts: Sequence[Wanted]) -> Wanted:
    """All that any of these want."""
    everything: set[str] = set()
    for part in parts:
        if part is None:
            return None
        everything.update(part)
    return everything


def _parents(name: str) -> list[str]:
    pieces = name.split(".")
    return [".".join(pieces[:length]) for length in range(1, len(pieces))]
