"""Sign-in over a WebSocket: browsers cannot send headers with it, so the first message may contain the token."""

import time
from typing import Any

from resolvers.admission import admit
from resolvers.caller import Identity
from resolvers.errors import Unauthenticated

# The message of a client contains any JSON, and the state whatever the application puts there.
_State = dict[str, Any]


async def sign_in(state: _State, payload: object) -> None:
    """Set the identity in the state from the payload of `connection_init`, if it has a token.

    A token in the payload replaces the one in the headers of the handshake. Raises `Unauthenticated`,
    `RateLimited`, `Forbidden`, `ProviderUnavailable`.
    """
    authorization = _authorization(payload)
    if authorization is not None:
        if not state["sign_in"].knows(authorization.encode(errors="replace")):
            state["attempts"].check(state["address"])
        identity: Identity = await state["sign_in"].by_token(authorization)
        await admit(state["db"], identity, "graphql", state["address"], state["request_id"])
        state["identity"] = identity
    if state["identity"] is None:
        raise Unauthenticated("Sign in: send Authorization in the payload of connection_init.", has_token=False)


def seconds_left(identity: Identity) -> float | None:
    """Until the sign-in ends, None if it never does."""
    return None if identity.expires_at is None else max(0.0, identity.expires_at - time.time())


def _authorization(payload: object) -> str | None:
    """The token in the payload, under the name of the header in any case. Raises `Unauthenticated`."""
    if not isinstance(payload, dict):
        return None
    found = [value for name, value in payload.items() if str(name).lower() == "authorization"]
    if not found:
        return None
    if len(found) > 1 or not isinstance(found[0], str):
        raise Unauthenticated("Send one Authorization in the payload of connection_init, as text.")
    return found[0]
