"""Who may call at all: everyone who has signed in and has one of our roles."""

from contextlib import suppress

from resolvers import audit_log
from resolvers.caller import Identity, Role
from resolvers.errors import Forbidden, RateLimited
from resolvers.rate_limits import RateLimit, network_of
from storage.changes import Author, Channel
from storage.driver import Database


async def admit(db: Database, identity: Identity, channel: Channel, address: str, request_id: str) -> None:
    """Refuse an identity without a role, and record that. Raises `Forbidden`."""
    if identity.role is not None:
        return
    roles = ", ".join(role.claim for role in Role)
    problem = Forbidden(
        f"{identity.name} is signed in, but has none of the roles {roles}. Ask an administrator to assign one, then "
        "sign in again.",
        "SIGN_IN",
    )
    author = Author(identity.name, channel, identity.id)
    await audit_log.record_refusal(db, author, problem, address, request_id)
    raise problem


class Attempts:
    """Limits how many invalid tokens an address can send, since each takes time to check."""

    def __init__(self, limit: RateLimit | None) -> None:
        self._limit = limit

    def check(self, address: str) -> None:
        """Raise `RateLimited` if this address has sent too many. Tokens that are known to be valid need no check."""
        if self._limit:
            self._limit.check(network_of(address))

    async def failed(self, address: str) -> None:
        """Count an invalid token."""
        if self._limit:
            with suppress(RateLimited):  # the next one is refused
                await self._limit.spend(network_of(address), 1)
