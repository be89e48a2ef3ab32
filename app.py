"""The ASGI application: `create_app(settings)` puts the parts together. Imports everything; only `cli` imports it."""

import multiprocessing
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from threading import Thread
from typing import TypedDict

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Scope

import rest
from connector.scheduler import scheduled
from identity.sign_in import SignIn
from identity.sign_in import opened as opened_sign_in
from middleware import middleware
from resolvers.admission import Attempts
from resolvers.audit_log import Failures
from resolvers.caller import Caller, Role
from resolvers.errors import Problem
from resolvers.events import Feed
from resolvers.imports.runner import Runner
from resolvers.rate_limits import RateLimit, per_minute
from runtime import logs, tuning
from schema.execution.operations import Operations
from schema.transport import page, view
from settings import Settings
from storage import groups, migrations, uploads
from storage.audit import entries
from storage.changes import Author
from storage.documents import now
from storage.driver import Database, Unavailable, opened

log = structlog.get_logger()

# Health checks, and what a browser or client needs before it can sign in: nothing with data.
_PUBLIC = {"/", "/healthz", "/readyz", rest.SIGN_IN_METADATA}


class State(TypedDict):
    """What a request finds in `request.state`. The middleware adds its identity, address and ID."""

    db: Database
    sign_in: SignIn
    failures: Failures
    feed: Feed
    imports: Runner
    settings: Settings
    operations: Operations
    rate_limit: RateLimit | None
    attempts: Attempts


def create_app(settings: Settings) -> Starlette:
    """The service on the database at `settings.mongodb_uri`, which must be set: `cli` starts an embedded MongoDB."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[State]:
        async with opened(settings.uri(), settings.database, settings.driver) as db:
            await migrations.prepare(db)
            await groups.finish_deletions(db)
            await uploads.delete_abandoned(db, now() - timedelta(days=1))
            own = Caller(db, Author("contacts service", "import"), Role.ADMIN, settings.default_region)
            await entries.keep(db, timedelta(days=settings.audit_retention_days))
            feed = Feed(db)
            async with (
                Runner(own).watching() as imports,
                scheduled(own, settings),
                opened_sign_in(settings) as sign_in,
                Failures(db).flushing() as failures,
                per_minute(db, "cost", settings.rate_limit, settings.rate_burst) as rate_limit,
                per_minute(db, "sign-in", settings.max_failed_sign_ins) as failed_sign_ins,
            ):
                yield {
                    "db": db,
                    "sign_in": sign_in,
                    "failures": failures,
                    "feed": feed,
                    "imports": imports,
                    "settings": settings,
                    "operations": Operations(settings),
                    "rate_limit": rate_limit,
                    "attempts": Attempts(failed_sign_ins),
                }
            await feed.close()

    return Starlette(
        lifespan=lifespan,
        routes=[
            *view.routes(),
            *rest.routes(),
            Route("/", _root),
            Route("/healthz", _healthy),
            Route("/readyz", _ready),
        ],
        middleware=[*middleware(settings, _is_public), Middleware(view.Shortcut)],
        exception_handlers={
            Problem: rest.refused,
            HTTPException: rest.not_served,
            **dict.fromkeys(Unavailable, _unavailable),
            Exception: _failed,
        },
    )


def from_environment() -> Starlette:
    """The service with the settings from the environment. Each worker process calls this."""
    settings = Settings()
    logs.configure(settings)
    _end_with_parent()
    tuning.tune()
    return create_app(settings)


def _end_with_parent() -> None:
    """Exit immediately when the service that started this worker is killed: otherwise the worker would keep the port.

    Not a graceful shutdown, which waits for requests and the database: the embedded MongoDB has been killed as well.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, name="parent", daemon=True).start()


def _is_public(scope: Scope) -> bool:
    path = scope["path"]
    return path in _PUBLIC or path.startswith("/graphiql/") or page.is_page(scope)


async def _root(request: Request) -> Response:
    return RedirectResponse("/graphql")


async def _healthy(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _ready(request: Request) -> Response:
    await request.state.db.ping()
    return JSONResponse({"status": "ok"})


async def _unavailable(request: Request, error: Exception) -> Response:
    """The database does not answer. This is temporary and not the caller's fault, so it is only a warning."""
    log.warning("database unavailable", path=request.scope["path"], error=str(error))
    return rest.unavailable(request.state.request_id)


async def _failed(request: Request, error: Exception) -> Response:
    """Any unexpected error: it is logged, and the answer contains nothing but the request ID."""
    log.error("request failed", request_id=request.state.request_id, path=request.scope["path"], exc_info=error)
    return rest.internal_error(request.state.request_id)
