"""The protocol graphql-transport-ws: who may connect, what closes a connection, and what is left behind."""

import asyncio

import pytest
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from schema.transport import socket
from settings import Settings
from storage.driver import Database
from tests.support import waiting
from tests.support.graphql_transport_ws import PROTOCOL, connect, connected
from tests.support.service import served

STATS = "subscription { contactStatsChanged { total } }"


async def refusal(service_url: str, *protocols: str, origin: str | None = None) -> tuple[int, str]:
    """The status and body of a rejected handshake."""
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connect(service_url, protocols=protocols, origin=origin):
            pass
    response = refused.value.response
    return response.status_code, response.body.decode()


@pytest.mark.parametrize("protocols", [("graphql-ws",), ("chat",), ("graphql-ws", "Graphql-Transport-WS")])
async def test_other_subprotocols_are_refused(service_url: str, protocols: tuple[str, ...]) -> None:
    """Only graphql-transport-ws is supported, not the legacy protocol; the error names it."""
    status, body = await refusal(service_url, *protocols)
    assert status == 400
    assert PROTOCOL in body


async def test_request_id_is_given(service_url: str) -> None:
    """The response to a handshake has a request ID, like all responses; so have the errors of its operations."""
    async with connect(service_url) as client:
        assert client.websocket.response is not None
        assert len(client.websocket.response.headers["X-Request-Id"]) == 36
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(service_url.replace("http", "ws") + "/graphql")
    assert len(refused.value.response.headers["X-Request-Id"]) == 36


async def test_no_subprotocol_is_refused(service_url: str) -> None:
    """If a client requests no subprotocol, the error names the one to request."""
    with pytest.raises(websockets.InvalidStatus, match="400"):
        await websockets.connect(service_url.replace("http", "ws") + "/graphql")


async def test_subprotocol_among_others(service_url: str, db: Database) -> None:
    """Of the subprotocols that a client offers, ours is chosen."""
    async with connect(service_url, protocols=("graphql-ws", PROTOCOL)) as client:
        assert client.websocket.subprotocol == PROTOCOL
        await client.initialize()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_foreign_origin_is_refused(service_url: str, origin: str) -> None:
    """Pages of other sites cannot open a WebSocket with their visitor's permissions."""
    status, body = await refusal(service_url, PROTOCOL, origin=origin)
    assert status == 403
    assert "other sites" in body


async def test_own_origin_is_welcome(service_url: str, db: Database) -> None:
    """Our own pages can."""
    async with connect(service_url, origin=service_url) as client:
        await client.initialize()


async def test_init_timeout(service_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that isn't initialized in time is closed, whatever else it sends."""
    monkeypatch.setattr(socket, "INIT_SECONDS", 0.2)
    async with connect(service_url) as client:

        async def ping_on() -> None:
            while True:
                await client.send({"type": "ping"})
                assert await client.receive() == {"type": "pong"}

        with pytest.raises(ConnectionClosed):
            await ping_on()
        assert await client.closed() == (4408, "Connection initialisation timeout")


async def test_operation_before_init(service_url: str) -> None:
    """No operation runs before the connection is initialized."""
    async with connect(service_url) as client:
        await client.subscribe("x", STATS)
        assert await client.closed() == (4401, "Unauthorized")


async def test_second_init(service_url: str) -> None:
    """A connection can be initialized only once."""
    async with connected(service_url) as client:
        await client.send({"type": "connection_init"})
        assert await client.closed() == (4429, "Too many initialisation requests")


async def test_ping(service_url: str) -> None:
    """A ping is answered; a pong needs no answer."""
    async with connected(service_url) as client:
        await client.send({"type": "pong"})
        await client.send({"type": "ping", "payload": {"any": "thing"}})
        assert await client.receive() == {"type": "pong"}


async def test_id_in_use(service_url: str, db: Database) -> None:
    """An ID belongs to one running operation, and can be reused when that is complete."""
    async with connected(service_url) as client:
        for _ in range(2):
            await client.subscribe("x", "{ contactStats { total } }")
            await client.data("x")
            assert (await client.message("x"))["type"] == "complete"
        await client.subscribe("x", STATS)
        await client.data("x")
        await client.complete("x")
        await client.subscribe("x", STATS)
        await client.data("x")
        await client.subscribe("x", STATS)
        assert await client.closed() == (4409, "Subscriber for x already exists")


async def test_too_many_subscriptions(service_url: str, monkeypatch: pytest.MonkeyPatch, db: Database) -> None:
    """A connection with the maximum number of operations cannot start another one until one is complete."""
    monkeypatch.setattr(socket, "MAX_OPERATIONS", 2)
    async with connected(service_url) as client:
        for identifier in ("a", "b", "c"):
            await client.subscribe(identifier, STATS)
        message = await client.message("c")
        assert message["type"] == "error"
        assert message["payload"] == [
            {
                "message": "The connection has 2 running operations, the maximum. Complete some first.",
                "extensions": {"code": "TOO_MANY_OPERATIONS"},
            }
        ]
        await client.data("a")
        await client.complete("a")
        await client.subscribe("c", STATS)
        await client.data("c")


@pytest.mark.parametrize(
    ("text", "code", "reason"),
    [
        ("no JSON", 4400, "JSON"),
        ("[]", 4400, "objects"),
        ('"text"', 4400, "objects"),
        ("{}", 4400, "type"),
        ('{"type": 1}', 4400, "type"),
        ('{"type": "start", "id": "x", "payload": {"query": "{ __typename }"}}', 4400, "'start'"),
        ('{"type": "' + "x" * 1_000 + '"}', 4400, "Invalid message"),
        ('{"type": "subscribe"}', 4400, "'subscribe'"),
        ('{"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}', 4400, "'subscribe'"),
        ('{"type": "subscribe", "id": [], "payload": {"query": "{ __typename }"}}', 4400, "'subscribe'"),
        ('{"type": "subscribe", "id": "x", "payload": []}', 4400, "Batches"),
        ('{"type": "subscribe", "id": "x", "payload": {"query": 1}}', 4400, "query is missing"),
        ('{"type": "subscribe", "id": "x", "payload": {"query": "{a}", "variables": []}}', 4400, "variables"),
        ('{"type": "complete", "id": {}}', 4400, "'complete'"),
        ("[" * 100_000, 4400, "JSON"),
        ('{"type": "ping", "payload": ' + "9" * 5_000 + "}", 4400, "JSON"),
        (b"\x00", 4400, "text"),
        (" " * 1_100_000, 1009, "1,048,576"),
    ],
)
async def test_broken_messages(service_url: str, text: str | bytes, code: int, reason: str) -> None:
    """An invalid message closes the connection with the reason."""
    async with connected(service_url) as client:
        await client.websocket.send(text)
        closed = await client.closed()
        assert closed[0] == code
        assert reason in closed[1]


async def test_completing_what_does_not_run(service_url: str, db: Database) -> None:
    """A client may complete an operation that has just ended by itself."""
    async with connected(service_url) as client:
        await client.complete("nothing")
        await client.subscribe("x", "{ contactStats { total } }")
        assert await client.data("x") == {"contactStats": {"total": 0}}


async def vanish(websocket: ClientConnection) -> None:
    """Break the connection without closing it."""
    websocket.transport.abort()
    await websocket.wait_closed()


async def test_nothing_is_left_running(settings: Settings, db: Database) -> None:
    """When clients leave, properly or not, their operations and the change stream end."""
    async with served(settings) as (_, url):
        before = asyncio.all_tasks()
        async with connected(url) as polite, connected(url) as rude:
            for client in (polite, rude):
                await client.listen("changes", "subscription { contactChanged { action } }")
                await client.subscribe("stats", STATS)
                await client.data("stats")
            await vanish(rude.websocket)
        await waiting.reached(lambda: not asyncio.all_tasks() - before)


async def test_shutdown_closes_connections(settings: Settings, db: Database) -> None:
    """When the service stops, it closes its subscriptions and doesn't wait for them."""
    async with served(settings) as (server, url), connected(url) as client:
        await client.subscribe("stats", STATS)
        await client.data("stats")
        server.should_exit = True
        assert (await client.closed())[0] == 1012
