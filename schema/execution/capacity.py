"""How much a caller may run at the same time. Each process counts for itself."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from schema.context import Context


class Full(Exception):
    """Raised if a caller already runs as much as allowed."""


class Capacity:
    """The places that each caller has for something that takes time."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._taken: Counter[str] = Counter()

    @contextmanager
    def place(self, context: Context) -> Iterator[None]:
        """A place of the context's caller, for the duration of the block. Raises `Full`."""
        caller = key_of(context)
        if self._taken[caller] >= self.places:
            raise Full
        self._taken[caller] += 1
        try:
            yield
        finally:
            self._taken[caller] -= 1
            if not self._taken[caller]:
                del self._taken[caller]


def key_of(context: Context) -> str:
    """Who the caller is, in a word that no other caller has."""
    return context.identity.id
