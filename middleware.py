"""The middleware for every request: request IDs, the check of the Host header, and CORS."""

import re

import uuid_utils
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import rest
from runtime import logs
from settings import Settings

_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
# The messages that begin an answer: to a request, an accepted WebSocket handshake, or a rejected one.
_BEGINNINGS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_ACCEPTED_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def middleware(settings: Settings) -> list[Middleware]:
    """The middleware for every request, outermost first."""
    return [Middleware(RequestId), Middleware(Guard, settings), *_cors(settings)]


def _cors(settings: Settings) -> list[Middleware]:
    """Lets pages of the allowed origins call the service."""
    if not settings.allowed_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["*"],
            expose_headers=["ETag", "Location", "Link", "X-Request-Id"],
        )
    ]


class RequestId:
    """Adds the caller's `X-Request-Id`, or a new ID, to the logs and the answer of each request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = _header(scope, b"x-request-id")
        identifier = given.decode() if given and _ACCEPTED_ID.fullmatch(given) else str(uuid_utils.uuid7())
        scope.setdefault("state", {})["request_id"] = identifier

        async def send_named(message: Message) -> None:
            if message["type"] in _BEGINNINGS:
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", identifier.encode())]
            await send(message)

        logs.request_id.set(identifier)  # only in the task of this request
        await self._app(scope, receive, send_named)


class Guard:
    """Rejects requests for other host names, and keeps browsers from guessing the content type of an answer.

    Without it, a web page could attack the service through the browser of its visitor.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), _NO_SNIFFING]
            await send(message)

        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        given = _header(scope, b"host")
        host = None if given is None else given.decode("latin-1")
        if self._settings.answers_to(host):
            await self._app(scope, receive, send_guarded)
        else:
            await rest.misdirected(str(host))(scope, receive, send_guarded)


def _header(scope: Scope, name: bytes) -> bytes | None:
    """The value of the first header with this name, which must be in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None
