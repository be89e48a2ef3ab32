"""Logs in a structure, each line of a request with the request's id."""

import logging
import re
import sys
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog
import uuid_utils
from structlog.tracebacks import ExceptionDictTransformer

from settings import Settings

# ASGI's own types: its messages carry any value.
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
# The messages that begin an answer: to a request, to a WebSocket's handshake, to one that is refused.
_BEGINNINGS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
# Without local variables: they hold people's data and secrets.
_tracebacks = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
_ACCEPTED_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def configure(settings: Settings) -> None:
    """Send all logs, ours and the libraries', to standard error in the chosen format."""
    shared: list[structlog.typing.Processor] = [
        _named,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [_tracebacks, structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.getLogger("pymongo").setLevel("WARNING")
    logging.getLogger("python_multipart").setLevel("ERROR")  # it warns of every malformed form that a client sends
    logging.getLogger("uvicorn.error").addFilter(_Cancelled())


class _Cancelled(logging.Filter):
    """Keeps back uvicorn's tracebacks of what was cancelled: so end requests that outlast the service, by no fault."""

    def filter(self, record: logging.LogRecord) -> bool:
        kind = record.exc_info[0] if record.exc_info else None
        return kind is not CancelledError and not record.getMessage().rstrip().endswith("CancelledError")


def _named(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Add the id of the request that is being answered."""
    if request_id := _request_id.get():
        event.setdefault("request_id", request_id)
    return event


class RequestId:
    """ASGI middleware: names each request with the caller's `X-Request-Id` or a new one, in its logs and its answer."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = _given(scope) or str(uuid_utils.uuid7())
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_named(message: Message) -> None:
            if message["type"] in _BEGINNINGS:
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        _request_id.set(request_id)  # for the task of this request, which ends with it
        await self._app(scope, receive, send_named)


def _given(scope: Message) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ACCEPTED_ID.fullmatch(value):
            found: str = value.decode()
            return found
    return None
