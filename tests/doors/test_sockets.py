"""Sign-in over WebSockets."""

import time
from typing import Any

import pytest
import websockets

from resolvers.caller import Role
from tests.support.doors import Authorize
from tests.support.graphql_transport_ws import connect
from tests.support.simulated_providers import ROLES, Providers

VIEWER = "{ viewer { name role } }"


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
async def test_token_in_the_first_message(secured_url: str, authorize: Authorize, name: str) -> None:
    """The payload of `connection_init` may contain the header under its name in any case."""
    async with connect(secured_url) as client:
        await client.initialize({name: authorize(Role.READER), "other": 1})
        await client.subscribe("1", VIEWER)
        assert await client.data("1") == {"viewer": {"name": "reader", "role": "READER"}}


async def test_token_in_the_handshake(secured_url: str, authorize: Authorize) -> None:
    """Clients other than browsers may send the header with the handshake."""
    async with connect(secured_url, headers={"Authorization": authorize(Role.EDITOR)}) as client:
        await client.initialize()
        await client.subscribe("1", VIEWER)
        assert await client.data("1") == {"viewer": {"name": "editor", "role": "EDITOR"}}


async def test_the_first_message_replaces_the_handshake(secured_url: str, authorize: Authorize) -> None:
    """The token in the first message counts, and neither is ignored: both must be valid."""
    async with connect(secured_url, headers={"Authorization": authorize(Role.EDITOR)}) as client:
        await client.initialize({"Authorization": authorize(Role.READER)})
        await client.subscribe("1", VIEWER)
        assert await client.data("1") == {"viewer": {"name": "reader", "role": "READER"}}
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connect(secured_url, headers={"Authorization": "Bearer x"}):
            pass
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (None, 4401),
        ({}, 4401),
        ({"other": "Bearer x"}, 4401),
        ([], 4401),
        ({"Authorization": "Bearer x"}, 4403),
        ({"Authorization": 1}, 4403),
        ({"Authorization": None}, 4403),
        ({"Authorization": "Bearer x", "authorization": "Bearer x"}, 4403),
    ],
)
async def test_no_valid_token(secured_url: str, payload: Any, code: int) -> None:
    """Without a valid token the connection is closed, with a reason that says what to do."""
    async with connect(secured_url) as client:
        await client.send({"type": "connection_init", **({} if payload is None else {"payload": payload})})
        closed = await client.closed()
        assert closed[0] == code
        assert closed[1]


async def test_operations_wait_for_sign_in(secured_url: str) -> None:
    """An operation before `connection_init` closes the connection."""
    async with connect(secured_url) as client:
        await client.subscribe("1", VIEWER)
        assert (await client.closed())[0] == 4401


async def test_expiry_closes_the_connection(secured_url: str, trusted_providers: Providers) -> None:
    """When the token expires, the connection is closed with a code after which clients connect again."""
    issuer = trusted_providers.plain
    async with connect(secured_url) as client:
        # Tokens are accepted for a while after they have expired, because clocks differ. The connection ends at once.
        claims = issuer.user(roles=[ROLES["READER"]], exp=int(time.time()) - 1)
        await client.send({"type": "connection_init", "payload": {"Authorization": issuer.bearer(claims)}})
        assert await client.receive() == {"type": "connection_ack"}
        assert await client.closed() == (4403, "The token expired. Connect again with a new one.")
