"""GraphQL over HTTP: one endpoint for queries, mutations, uploads, and GraphiQL for those who come with a browser.

Follows the GraphQL-over-HTTP draft: with `application/graphql-response+json` a request that cannot be executed is
answered 400, with `application/json` 200; a body that is no GraphQL request at all is answered 400 with both.
"""

from collections.abc import Awaitable
from pathlib import Path

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from schema.execution import operations
from schema.execution.faults import fault
from schema.execution.operations import Answer, Request
from schema.transport import bodies
from schema.transport.bodies import BodyRefused, Headers
from schema.transport.negotiation import JSON, RESPONSE_JSON, negotiated
from schema.transport.requests import context
from schema.transport.socket import Socket

_PATH = "/graphql"
GRAPHIQL = Path(__file__).parents[2] / "graphiql" / "dist"
_CSP = (
    "default-src 'self'; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def routes() -> list[BaseRoute]:
    """The endpoint at its exact path, for HTTP and WebSockets, and the files of GraphiQL."""
    return [
        Route(_PATH, _endpoint),
        WebSocketRoute(_PATH, Socket()),
        Mount("/graphiql", StaticFiles(directory=GRAPHIQL, check_dir=False)),
    ]


class Endpoint:
    """The endpoint as an ASGI application, which takes every method so as to say which ones it serves."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = bodies.headers_of(scope)
        if scope["method"] == "GET" and _wants_page(scope, headers):
            await _graphiql()(scope, receive, send)
            return
        settings = scope["state"]["settings"]
        # Only a form keeps anything open; its files are read while the operation runs.
        form = HttpRequest(scope, bodies.limited(receive, settings)) if _is_form(headers) else None
        try:
            response = await _graphql(scope, headers, receive, form)
        except ClientDisconnect:
            return
        finally:
            if form:
                await form.close()
        await response(scope, receive, send)


_endpoint = Endpoint()


class Shortcut:
    """ASGI middleware: takes requests past the routes to the endpoint, the way through which takes longer than it does
    to read a request. What the routes' own handlers do with refusals and outages, the endpoint does itself.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        straight = scope["type"] == "http" and scope["path"] == _PATH
        return (_endpoint if straight else self._app)(scope, receive, send)


async def _graphql(scope: Scope, headers: Headers, receive: Receive, form: HttpRequest | None) -> "Response | _Json":
    try:
        media_type = negotiated(headers.get(b"accept"))
        if media_type is None:
            raise BodyRefused(406, f"Answers are {RESPONSE_JSON} or {JSON}; accept one of them.")
        request = await _request(scope, headers, receive, form)
    except BodyRefused as refusal:
        body = {"errors": [fault(refusal.message, refusal.code)]}
        return Response(orjson.dumps(body), refusal.status, refusal.headers, JSON)
    return _response(await operations.run(request, context(scope["state"])), media_type)


async def _request(scope: Scope, headers: Headers, receive: Receive, form: HttpRequest | None) -> Request:
    match scope["method"]:
        case "GET":
            return bodies.from_query(scope)
        case "POST" if form:
            return await bodies.from_form(form, headers, scope["state"]["settings"])
        case "POST":
            if (kind := bodies.media_type(headers.get(b"content-type", b""))) == JSON:
                return await bodies.from_json(headers, receive, scope["state"]["settings"])
            kind = kind or "a body without Content-Type"
            raise BodyRefused(415, f"Send {JSON}, or multipart/form-data for uploads, not {kind}.")
        case method:
            raise BodyRefused(405, f"Send GraphQL requests with GET or POST, not {method}.", {"Allow": "GET, POST"})


class _Json:
    """An answer that was executed, sent as it is: of all that a response may have it needs little."""

    def __init__(self, body: bytes, media_type: str) -> None:
        self._body = body
        self._media_type = media_type.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", self._media_type), (b"content-length", b"%d" % len(self._body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})


def _response(answer: Answer, media_type: str) -> "Response | _Json":
    body = orjson.dumps(answer.body)
    if answer.refused == "mutation":
        return Response(body, 405, {"Allow": "POST"}, media_type)
    if answer.refused == "subscription" or (not answer.executed and media_type == RESPONSE_JSON):
        return Response(body, 400, media_type=media_type)
    return _Json(body, media_type)


def _is_form(headers: Headers) -> bool:
    return bodies.media_type(headers.get(b"content-type", b"")) == "multipart/form-data"


def _wants_page(scope: Scope, headers: Headers) -> bool:
    return b"text/html" in headers.get(b"accept", b"") and "query" not in QueryParams(scope["query_string"])


def _graphiql() -> Response:
    page = GRAPHIQL / "index.html"
    if not page.exists():
        message = "GraphiQL is not built. Install the project again with npm at hand, or run python graphiql/build.py."
        return Response(message, 404, media_type="text/plain")
    return FileResponse(page, headers={"Content-Security-Policy": _CSP})
