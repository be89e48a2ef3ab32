"""GraphQL over a WebSocket, by the protocol `graphql-transport-ws`: subscriptions, and queries and mutations too.

Operations run as in `schema.transport.view`. The protocol:
github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

import asyncio
from contextlib import aclosing, suppress
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from schema.execution import operations
from schema.execution.faults import fault
from schema.execution.operations import Request
from schema.transport import requests

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 10.0
MAX_OPERATIONS = 100
# A reason for closing has at most 123 bytes.
_MAX_REASON = 120

# Messages hold any JSON.
Message = dict[str, Any]


class Violation(Exception):
    """Raised when a client breaks the protocol: the code and the reason to close the connection with."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:_MAX_REASON].decode(errors="ignore")


class Socket:
    """The endpoint as an ASGI application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        if not websocket.state.settings.welcomes(websocket.headers.get("origin"), websocket.headers.get("host")):
            message = "Pages of other sites cannot open a WebSocket here, unless CONTACTS_ALLOWED_ORIGINS names them."
            await _refuse(websocket, 403, message)
        elif PROTOCOL not in scope["subprotocols"]:
            await _refuse(websocket, 400, f"The only subprotocol is {PROTOCOL}. Ask for it.")
        else:
            await websocket.accept(PROTOCOL)
            await _Connection(websocket).serve()


async def _refuse(websocket: WebSocket, status: int, message: str) -> None:
    body = orjson.dumps({"errors": [fault(message, "FOREIGN_ORIGIN" if status == 403 else "MALFORMED")]})
    await websocket.send_denial_response(Response(body, status, media_type="application/json"))


class _Connection:
    """One client, and the operations that it has running."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._operations: dict[str, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Serve until the client leaves, breaks the protocol, or the server stops. Leaves no operation running."""
        try:
            await self._initialise()
            while True:
                await self._handle(await self._receive())
        except Violation as violation:
            with suppress(WebSocketDisconnect):
                await self._websocket.close(violation.code, violation.reason)
        except WebSocketDisconnect:
            pass
        finally:
            await self._cancel_all()

    async def _initialise(self) -> None:
        try:
            async with asyncio.timeout(INIT_SECONDS):
                while (message := await self._receive())["type"] in ("ping", "pong"):
                    await self._handle(message)
        except TimeoutError:
            raise Violation(4408, "Connection initialisation timeout") from None
        if message["type"] != "connection_init":
            raise Violation(4401, "Unauthorized")
        await self._send({"type": "connection_ack"})

    async def _handle(self, message: Message) -> None:
        match message:
            case {"type": "subscribe", "id": str(identifier), "payload": payload} if identifier:
                await self._subscribe(identifier, payload)
            case {"type": "complete", "id": str(identifier)}:
                if operation := self._operations.pop(identifier, None):
                    operation.cancel()
            case {"type": "ping"}:
                await self._send({"type": "pong"})
            case {"type": "pong"}:
                pass
            case {"type": "connection_init"}:
                raise Violation(4429, "Too many initialisation requests")
            case {"type": kind}:
                raise Violation(4400, f"Invalid message of the type {kind!r}")

    async def _subscribe(self, identifier: str, payload: object) -> None:
        if identifier in self._operations:
            raise Violation(4409, f"Subscriber for {identifier} already exists")
        try:
            request = requests.checked(payload)
        except requests.Malformed as error:
            raise Violation(4400, str(error)) from error
        if len(self._operations) >= MAX_OPERATIONS:
            message = f"A connection runs at most {MAX_OPERATIONS} operations at a time. Complete some first."
            refused = fault(message, "TOO_MANY_OPERATIONS")
            await self._send({"type": "error", "id": identifier, "payload": [refused]})
            return
        self._operations[identifier] = asyncio.create_task(self._run(identifier, request))

    async def _run(self, identifier: str, request: Request) -> None:
        """Send the answers of an operation, then that it is complete, or why it failed."""
        last: Message = {"type": "complete", "id": identifier}
        with suppress(WebSocketDisconnect):
            async with aclosing(
                operations.stream(request, requests.context(self._websocket.scope["state"]))
            ) as answers:
                async for answer in answers:
                    if not answer.executed:
                        last = {"type": "error", "id": identifier, "payload": answer.body["errors"]}
                        break
                    await self._send({"type": "next", "id": identifier, "payload": answer.body})
            # The client may use the id again as soon as it reads this.
            self._operations.pop(identifier, None)
            await self._send(last)

    async def _receive(self) -> Message:
        limit = self._websocket.state.settings.max_body_bytes
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        text = message.get("text")
        if text is None:
            raise Violation(4400, "Messages must be text")
        if len(text) > limit:
            raise Violation(1009, f"A message has at most {limit:,} characters")
        return _parsed(text)

    async def _send(self, message: Message) -> None:
        await self._websocket.send_text(orjson.dumps(message).decode())

    async def _cancel_all(self) -> None:
        running = list(self._operations.values())
        for operation in running:
            operation.cancel()
        if running:
            await asyncio.wait(running)


def _parsed(text: str) -> Message:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Violation(4400, "Messages must be JSON") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise Violation(4400, "Messages must be JSON objects with a type")
    return message
