"""GraphQL over HTTP: one endpoint for queries, mutations and uploads, at which browsers get GraphiQL.

It follows the GraphQL-over-HTTP draft: a request that cannot be executed is answered with 400 in the media type
`application/graphql-response+json`, with 200 in `application/json`. A body that isn't a GraphQL request is always
answered with 400.
"""

from collections.abc import Awaitable, Mapping

import orjson
import structlog
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from resolvers.errors import Problem, RateLimited, Unauthenticated
from schema.execution.faults import fault
from schema.execution.operations import Answer, Operations, Request
from schema.transport import bodies, page
from schema.transport.bodies import BodyRefused, Headers
from schema.transport.negotiation import JSON, RESPONSE_JSON, negotiated
from schema.transport.page import PATH
from schema.transport.requests import context, record
from schema.transport.socket import Socket
from storage.driver import Unavailable

log = structlog.get_logger(__name__)

NOT_RECORDED = "The database cannot be reached at the moment. Try again later."
# Data can change at any time, and differs by caller: caches must not share it.
_FRESH = (b"cache-control", b"private, no-cache")
_STATUSES: Mapping[type[Problem], int] = {Unauthenticated: 401, RateLimited: 429}


def routes() -> list[BaseRoute]:
    """The endpoint for HTTP and WebSockets, and the files of GraphiQL."""
    return [
        Route(PATH, _endpoint),
        WebSocketRoute(PATH, Socket()),
        Mount("/graphiql", page.assets),
    ]


class Endpoint:
    """The endpoint as an ASGI application. It accepts all methods, so that it can say which ones it supports."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = bodies.headers_of(scope)
        settings = scope["state"]["settings"]
        if page.is_page(scope):
            await page.show(scope, receive, send)
            return
        # Only a form has open files, which are read while the operation runs.
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
    """ASGI middleware that passes requests directly to the endpoint: routing takes longer than reading a request.

    The endpoint handles errors and outages itself, like the exception handlers of the routes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        straight = scope["type"] == "http" and scope["path"] == PATH
        return (_endpoint if straight else self._app)(scope, receive, send)


async def _graphql(scope: Scope, headers: Headers, receive: Receive, form: HttpRequest | None) -> "Response | _Json":
    try:
        media_type = negotiated(headers.get(b"accept"))
        if media_type is None:
            raise BodyRefused(406, f"The Accept header must include {RESPONSE_JSON} or {JSON}.")
        request = await _request(scope, headers, receive, form)
    except BodyRefused as refusal:
        body = {"errors": [fault(refusal.message, refusal.code)]}
        return Response(orjson.dumps(body), refusal.status, refusal.headers, JSON)
    operations: Operations = scope["state"]["operations"]
    used = context(scope["state"])
    answer = await operations.run(request, used)
    try:
        await record(request, answer, used, scope["state"])
    except Unavailable as error:
        log.warning("answer withheld, because it could not be recorded", error=str(error))
        return unavailable(NOT_RECORDED)
    return _response(answer, media_type)


async def _request(scope: Scope, headers: Headers, receive: Receive, form: HttpRequest | None) -> Request:
    match scope["method"]:
        case "GET":
            return bodies.from_query(scope, scope["state"]["settings"])
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
    """The answer to an executed request. Faster than `Response`, most of whose features it does not need."""

    def __init__(self, body: bytes, media_type: str) -> None:
        self._body = body
        self._media_type = media_type.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = b"%d" % len(self._body)
        headers = [(b"content-type", self._media_type), (b"content-length", size), _FRESH]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})


def _response(answer: Answer, media_type: str) -> "Response | _Json":
    body = orjson.dumps(answer.body)
    match answer.refused:
        case "mutation":
            return Response(body, 405, {"Allow": "POST"}, media_type)
        case "subscription":
            return Response(body, 400, media_type=media_type)
        case "busy":
            return Response(body, 429, {"Retry-After": "1"}, media_type)
        case "limited":
            seconds = answer.body["errors"][0]["extensions"]["retryAfter"]
            return Response(body, 429, {"Retry-After": str(seconds)}, media_type)
        case "late" if media_type == RESPONSE_JSON:
            return Response(body, 503, media_type=media_type)
    if not answer.executed and media_type == RESPONSE_JSON:
        return Response(body, 400, media_type=media_type)
    return _Json(body, media_type)


def _is_form(headers: Headers) -> bool:
    return bodies.media_type(headers.get(b"content-type", b"")) == "multipart/form-data"


def refusal(problem: Problem, headers: Mapping[str, str]) -> Response:
    """The answer to a request that is refused before anything reads it."""
    body = {"errors": [fault(problem.message, problem.code)]}
    return Response(orjson.dumps(body), _STATUSES.get(type(problem), 403), headers, JSON)


def unavailable(message: str) -> Response:
    """The answer if tokens cannot be checked, or refusals not recorded, at the moment."""
    body = {"errors": [fault(message, "UNAVAILABLE")]}
    return Response(orjson.dumps(body), 503, {"Retry-After": "1"}, JSON)
