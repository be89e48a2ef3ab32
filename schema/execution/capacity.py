"""How much a caller may run at the same time. Each process counts for itself."""

from schema.context import Context


class Full(Exception):
    """Raised if a caller already runs as much as allowed."""


class Capacity:
    """The places that each caller has for something that takes time."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._taken: dict[str, int] = {}

    def place(self, context: Context) -> "_Place":
        """A place of the context's caller, for the duration of a block. Raises `Full` at its beginning."""
        return _Place(self, key_of(context))

    def take(self, caller: str) -> None:
        """Take a place. Raises `Full`."""
        taken = self._taken.get(caller, 0)
        if taken >= self.places:
            raise Full
        self._taken[caller] = taken + 1

    def leave(self, caller: str) -> None:
        """Leave a place."""
        left = self._taken.pop(caller) - 1
        if left:
            self._taken[caller] = left


class _Place:
    def __init__(self, capacity: Capacity, caller: str) -> None:
        self._capacity = capacity
        self._caller = caller

    def __enter__(self) -> None:
        self._capacity.take(self._caller)

    def __exit__(self, *_: object) -> None:
        self._capacity.leave(self._caller)


def key_of(context: Context) -> str:
    """Who the caller is, in a word that no other caller has."""
    return context.identity.id
