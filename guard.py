"""Keeps web pages from turning a visitor's browser against the service."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import rest
from settings import Settings


class Guard:
    """ASGI middleware: answers under the service's own names only, and lets no browser guess what an answer is."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Content-Type-Options"] = "nosniff"
            await send(message)

        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif self._settings.answers_to(host := Headers(scope=scope).get("host")):
            await self._app(scope, receive, send_guarded)
        else:
            await rest.misdirected(str(host))(scope, receive, send_guarded)
