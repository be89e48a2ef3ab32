"""Tokens that have been verified, so that a token that is sent again costs a look-up only."""

from collections import OrderedDict
from collections.abc import Callable

from identity.claims import LEEWAY_SECONDS
from resolvers.caller import Identity

_MOST = 2_000


class Verified:
    """The identities of the tokens used last, by the whole value of their header. Holds them until they expire."""

    def __init__(self, clock: Callable[[], float], most: int = _MOST) -> None:
        self._clock = clock
        self._most = most
        self._identities: OrderedDict[bytes, tuple[Identity, float]] = OrderedDict()

    def get(self, authorization: bytes) -> Identity | None:
        """The identity, None if this token has not been verified or has expired."""
        found = self._identities.get(authorization)
        if found is None:
            return None
        identity, end = found
        if self._clock() >= end:
            del self._identities[authorization]
            return None
        self._identities.move_to_end(authorization)
        return identity

    def add(self, authorization: bytes, identity: Identity, expires_at: float) -> None:
        """Keep an identity, and drop the one that has not been used for the longest time if there are too many."""
        self._identities[authorization] = identity, expires_at + LEEWAY_SECONDS
        if len(self._identities) > self._most:
            self._identities.popitem(last=False)

    def clear(self) -> None:
        """Forget all of them, because a key may have been revoked."""
        self._identities.clear()

    def __len__(self) -> int:
        return len(self._identities)
