"""The application with other settings than those of most tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from app import create_app
from settings import Settings
from tests.support.environment import HOST


def changed(settings: Settings, **changes: object) -> Settings:
    """The same settings, except for these."""
    given: dict[str, Any] = settings.model_dump(include=settings.model_fields_set)
    return Settings(**(given | changes))


@asynccontextmanager
async def configured(settings: Settings, **changes: object) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application with these settings, except for the changes."""
    app = create_app(changed(settings, **changes))
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Any, receive: Any, send: Any) -> None:  # what uvicorn does with lifespan state
            await app({**scope, "state": dict(state or {})}, receive, send)

        transport = httpx.ASGITransport(with_state, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
            yield client
