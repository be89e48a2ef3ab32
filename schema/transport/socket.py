"""GraphQL over a WebSocket with the protocol `graphql-transport-ws`: subscriptions, but also queries and mutations.

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

from identity.errors import ProviderUnavailable
from resolvers.errors import Forbidden, RateLimited, Unauthenticated
from schema.execution.faults import fault
from schema.execution.operations import Operations, Request
from schema.transport import requests
from schema.transport.socket_sign_in import seconds_left, sign_in
from storage.driver import Unavailable

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 10.0
MAX_OPERATIONS = 100
# The protocol's codes for closing a connection. Clients connect again after all but UNAUTHORIZED.
UNAUTHORIZED, FORBIDDEN = 4401, 4403
TRY_AGAIN = 1013
# The reason for closing a WebSocket can have up to 123 bytes.
_MAX_REASON = 120

# Messages contain any JSON.
Message = dict[str, Any]


class Violation(Exception):
    """Raised when a client violates the protocol, with the code and reason to close the connection with."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:_MAX_REASON].decode(errors="ignore")


class Socket:
    """The endpoint as an ASGI application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        origin, host = websocket.headers.get("origin"), websocket.headers.get("host")
        if not websocket.state.settings.welcomes(origin, host, scope["scheme"]):
            message = (
                "Pages of other sites cannot open a WebSocket. To allow an origin, add it to CONTACTS_ALLOWED_ORIGINS."
            )
            await _refuse(websocket, 403, message)
        elif PROTOCOL not in scope["subprotocols"]:
            await _refuse(websocket, 400, f"The subprotocol is missing. Request {PROTOCOL}.")
        else:
            await websocket.accept(PROTOCOL)
            await _Connection(websocket).serve()


async def _refuse(websocket: WebSocket, status: int, message: str) -> None:
    body = orjson.dumps({"errors": [fault(message, "FOREIGN_ORIGIN" if status == 403 else "MALFORMED")]})
    await websocket.send_denial_response(Response(body, status, media_type="application/json"))


class _Connection:
    """A client and its running operations."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._state = websocket.scope["state"]
        self._operations: dict[str, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Serve until the client leaves or violates the protocol, its sign-in ends, or the server stops.

        Cancels all operations then.
        """
        try:
            await self._initialize()
            async with asyncio.timeout(seconds_left(self._state["identity"])):
                while True:
                    await self._handle(await self._receive())
        except TimeoutError:
            await self._close(Violation(FORBIDDEN, "The token expired. Connect again with a new one."))
        except Violation as violation:
            await self._close(violation)
        except WebSocketDisconnect:
            pass
        finally:
            await self._cancel_all()

    async def _close(self, violation: Violation) -> None:
        with suppress(WebSocketDisconnect):
            await self._websocket.close(violation.code, violation.reason)

    async def _initialize(self) -> None:
        try:
            async with asyncio.timeout(INIT_SECONDS):
                while (message := await self._receive())["type"] in ("ping", "pong"):
                    await self._handle(message)
        except TimeoutError:
            raise Violation(4408, "Connection initialisation timeout") from None
        if message["type"] != "connection_init":
            raise Violation(UNAUTHORIZED, "Unauthorized")
        try:
            await sign_in(self._state, message.get("payload"))
        except Unauthenticated as problem:
            self._state["failures"].count(self._state["address"])
            if problem.has_token:
                await self._state["attempts"].failed(self._state["address"])
            raise Violation(FORBIDDEN if problem.has_token else UNAUTHORIZED, problem.message) from problem
        except Forbidden as problem:
            raise Violation(FORBIDDEN, problem.message) from problem
        except RateLimited as problem:
            raise Violation(TRY_AGAIN, problem.message) from problem
        except ProviderUnavailable as error:
            raise Violation(TRY_AGAIN, error.message) from error
        except Unavailable as error:
            raise Violation(TRY_AGAIN, "The database cannot be reached at the moment. Try again later.") from error
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
            message = f"The connection has {MAX_OPERATIONS} running operations, the maximum. Complete some first."
            refused = fault(message, "TOO_MANY_OPERATIONS")
            await self._send({"type": "error", "id": identifier, "payload": [refused]})
            return
        self._operations[identifier] = asyncio.create_task(self._run(identifier, request))

    async def _run(self, identifier: str, request: Request) -> None:
        """Send the results of an operation, then `complete`, or `error` if it failed."""
        last: Message = {"type": "complete", "id": identifier}
        context = requests.context(self._state)
        with suppress(WebSocketDisconnect):
            operations: Operations = self._state["operations"]
            async with aclosing(operations.stream(request, context)) as answers:
                async for answer in answers:
                    await requests.record(request, answer, context, self._state)
                    if not answer.executed:
                        last = {"type": "error", "id": identifier, "payload": answer.body["errors"]}
                        break
                    await self._send({"type": "next", "id": identifier, "payload": answer.body})
            # The client may reuse the ID as soon as it has read this.
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
            raise Violation(1009, f"The message exceeds {limit:,} characters")
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
