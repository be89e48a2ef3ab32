"""Keeps web pages from turning a visitor's browser against the service."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

import rest
from settings import Settings

_NO_SNIFFING = (b"x-content-type-options", b"nosniff")


class Guard:
    """ASGI middleware: answers under the service's own names only, and lets no browser guess what an answer is."""

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
        elif self._settings.answers_to(host := _host(scope)):
            await self._app(scope, receive, send_guarded)
        else:
            await rest.misdirected(str(host))(scope, receive, send_guarded)


def _host(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"host":
            found: str = value.decode("latin-1")
            return found
    return None
