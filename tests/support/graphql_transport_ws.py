"""A client for the protocol `graphql-transport-ws`, as simple as tests need it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Origin, Subprotocol

from tests.support import waiting

PROTOCOL = "graphql-transport-ws"

# Messages contain any JSON.
Message = dict[str, Any]


class Client:
    """A connection. `subscribe` starts an operation; `message` and `data` wait for its results."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket
        self._others: list[Message] = []

    async def send(self, message: object) -> None:
        await self.websocket.send(orjson.dumps(message).decode())

    async def receive(self) -> Message:
        """The next message of any operation."""
        async with asyncio.timeout(waiting.SECONDS):
            message: Message = orjson.loads(await self.websocket.recv())
        return message

    async def initialize(self, payload: Mapping[str, Any] | None = None) -> None:
        await self.send(
            {"type": "connection_init"} if payload is None else {"type": "connection_init", "payload": payload}
        )
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, identifier: str, query: str, variables: Mapping[str, Any] | None = None) -> None:
        payload = {"query": query, "variables": variables}
        await self.send({"type": "subscribe", "id": identifier, "payload": payload})

    async def listen(self, identifier: str, query: str, variables: Mapping[str, Any] | None = None) -> None:
        """Subscribe, and return when the server is listening: when another subscription has sent the statistics."""
        await self.subscribe(identifier, query, variables)
        await self.subscribe(f"after {identifier}", "subscription { contactStatsChanged { total } }")
        assert (await self.message(f"after {identifier}"))["type"] == "next"
        await self.complete(f"after {identifier}")

    async def complete(self, identifier: str) -> None:
        await self.send({"type": "complete", "id": identifier})

    async def message(self, identifier: str) -> Message:
        """The next message of this operation. Those of others are kept for later."""
        for other in self._others:
            if other["id"] == identifier:
                self._others.remove(other)
                return other
        while (message := await self.receive())["id"] != identifier:
            self._others.append(message)
        return message

    async def data(self, identifier: str) -> Message:
        """The data of the next result of this operation, which must not have errors."""
        message = await self.message(identifier)
        assert message["type"] == "next", message
        assert message["payload"].keys() == {"data", "extensions"}, message
        data: Message = message["payload"]["data"]
        return data

    async def closed(self) -> tuple[int, str]:
        """The code and reason that the server closes the connection with."""
        async with asyncio.timeout(waiting.SECONDS):
            await self.websocket.wait_closed()
        return self.websocket.close_code or 0, self.websocket.close_reason or ""


@asynccontextmanager
async def connect(
    service_url: str,
    *,
    protocols: Sequence[str] = (PROTOCOL,),
    origin: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[Client]:
    """A connection that isn't initialized yet."""
    async with websockets.connect(
        service_url.replace("http://", "ws://") + "/graphql",
        subprotocols=[Subprotocol(each) for each in protocols],
        additional_headers=dict(headers or {}),
        origin=None if origin is None else Origin(origin),
        open_timeout=waiting.SECONDS,
    ) as websocket:
        yield Client(websocket)


@asynccontextmanager
async def connected(service_url: str) -> AsyncIterator[Client]:
    """A connection that is ready for operations."""
    async with connect(service_url) as client:
        await client.initialize()
        yield client
