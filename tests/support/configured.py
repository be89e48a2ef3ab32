"""The application with any settings: in this event loop without a network, or on a real port."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from threading import Thread
from typing import Any

import httpx
import uvicorn
from httpx import ASGITransport

from app import create_app
from settings import Settings
from tests.support import waiting
from tests.support.environment import HOST


def changed(settings: Settings, **changes: object) -> Settings:
    """The same settings, except for these."""
    given: dict[str, Any] = settings.model_dump(include=settings.model_fields_set)
    return Settings(**(given | changes))


@asynccontextmanager
async def applied(settings: Settings) -> AsyncIterator[ASGITransport]:
    """The running application with these settings, called without a network connection."""
    app = create_app(settings)
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Any, receive: Any, send: Any) -> None:  # what uvicorn does with lifespan state
            await app({**scope, "state": dict(state or {})}, receive, send)

        yield ASGITransport(with_state, raise_app_exceptions=False)


@asynccontextmanager
async def configured(settings: Settings, **changes: object) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application with these settings, except for the changes."""
    async with (
        applied(changed(settings, **changes)) as transport,
        httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client,
    ):
        yield client


@contextmanager
def listening(settings: Settings) -> Iterator[str]:
    """The base URL of a service that listens on a real port, in a thread of its own."""
    config = uvicorn.Config(create_app(settings), host="127.0.0.1", port=0, log_level="warning", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    waiting.wait_until(lambda: server.started or not thread.is_alive())
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
