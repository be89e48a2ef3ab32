"""GraphQL over HTTP: one endpoint for queries, mutations, uploads, and GraphiQL for those who come with a browser.

Follows the GraphQL-over-HTTP draft: with `application/graphql-response+json` a request that cannot be executed is
answered 400, with `application/json` 200; a body that is no GraphQL request at all is answered 400 with both.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import orjson
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send
from strawberry.file_uploads.utils import replace_placeholders_with_files

from schema import operations
from schema.operations import Answer, Request
from schema.requests import Malformed, checked, context
from schema.socket import Socket

GRAPHIQL = Path(__file__).parent.parent / "graphiql" / "dist"
_CSP = (
    "default-src 'self'; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_RESPONSE_JSON = "application/graphql-response+json"
_JSON = "application/json"
_QUALITY = re.compile(r"[01](\.\d{0,3})?")
_UNWANTED = (0.0, False)


class Refused(Exception):
    """Raised for what is no GraphQL request: an HTTP status and a sentence that says what to do."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


class _Endless(MultiPartException):
    """Raised while a form is read that is larger than it may be. Starlette then closes the files that it began."""


def routes() -> list[BaseRoute]:
    """The endpoint at its exact path, for HTTP and WebSockets, and the files of GraphiQL."""
    return [
        Route("/graphql", Endpoint()),
        WebSocketRoute("/graphql", Socket()),
        Mount("/graphiql", StaticFiles(directory=GRAPHIQL, check_dir=False)),
    ]


class Endpoint:
    """The endpoint as an ASGI application, which takes every method so as to say which ones it serves."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        settings = scope["state"]["settings"]
        http = HttpRequest(scope, _limited(receive, max(settings.max_body_bytes, settings.max_import_bytes)))
        try:
            response = await _graphql(http)
        except ClientDisconnect:
            return
        finally:
            await http.close()
        await response(scope, receive, send)


async def _graphql(http: HttpRequest) -> Response:
    if http.method == "GET" and _wants_page(http):
        return _graphiql()
    try:
        media_type = _negotiated(http.headers.get("accept"))
        request = await _request(http)
    except Refused as refusal:
        body = {"errors": [{"message": refusal.message}]}
        return Response(orjson.dumps(body), refusal.status, refusal.headers, _JSON)
    answer = await operations.run(request, context(http.state))
    return _response(answer, media_type)


def _response(answer: Answer, media_type: str) -> Response:
    if answer.refused == "mutation":
        return Response(orjson.dumps(answer.body), 405, {"Allow": "POST"}, media_type)
    if answer.refused == "subscription":
        return Response(orjson.dumps(answer.body), 400, media_type=media_type)
    status = 400 if not answer.executed and media_type == _RESPONSE_JSON else 200
    return Response(orjson.dumps(answer.body), status, media_type=media_type)


def _wants_page(http: HttpRequest) -> bool:
    return "query" not in http.query_params and "text/html" in http.headers.get("accept", "")


def _graphiql() -> Response:
    page = GRAPHIQL / "index.html"
    if not page.exists():
        message = "GraphiQL is not built. Install the project again with npm at hand, or run python graphiql/build.py."
        return Response(message, 404, media_type="text/plain")
    return FileResponse(page, headers={"Content-Security-Policy": _CSP})


@lru_cache(maxsize=256)
def _negotiated(accept: str | None) -> str:
    """The media type to answer with: the one that the client prefers, `application/json` where it does not say."""
    qualities = _qualities(accept or _JSON)
    response, json = (_quality(kind, qualities) for kind in (_RESPONSE_JSON, _JSON))
    if max(response, json) == _UNWANTED:
        raise Refused(406, f"Answers are {_RESPONSE_JSON} or {_JSON}; accept one of them.")
    if response == json:
        return _RESPONSE_JSON if _RESPONSE_JSON in qualities else _JSON
    return max((response, _RESPONSE_JSON), (json, _JSON))[1]


def _qualities(accept: str) -> dict[str, float]:
    """How much each media range of an Accept header is wanted, from 0 to 1 (RFC 9110, section 12.5.1)."""
    found: dict[str, float] = {}
    for part in accept.lower().split(","):
        kind, *parameters = (each.strip() for each in part.split(";"))
        given = next((each for each in parameters if each.startswith("q=")), "q=1")
        found[kind] = float(given[2:]) if _QUALITY.fullmatch(given[2:]) else 0
    return found


def _quality(kind: str, qualities: Mapping[str, float]) -> tuple[float, bool]:
    """How much a media type is wanted by the closest range, and whether that names it; `_UNWANTED` if it is not."""
    for each in (kind, "application/*", "*/*"):
        if each in qualities:
            return (qualities[each], each == kind) if qualities[each] else _UNWANTED
    return _UNWANTED


async def _request(http: HttpRequest) -> Request:
    match http.method:
        case "GET":
            return _from_query(http)
        case "POST":
            return await _from_body(http)
        case method:
            raise Refused(405, f"Send GraphQL requests with GET or POST, not {method}.", {"Allow": "GET, POST"})


def _from_query(http: HttpRequest) -> Request:
    given: dict[str, object] = {}
    for name in ("query", "operationName"):
        if value := http.query_params.get(name):
            given[name] = value
    for name in ("variables", "extensions"):
        if value := http.query_params.get(name):
            given[name] = _parsed(value.encode(errors="surrogatepass"), name)
    return replace(_request_of(given), may_mutate=False)


async def _from_body(http: HttpRequest) -> Request:
    match http.headers.get("content-type", "").partition(";")[0].strip().lower():
        case "application/json":
            _require_plain(http.headers)
            return _request_of(_parsed(await _body(http, http.state.settings.max_body_bytes), "The body"))
        case "multipart/form-data":
            _require_same_origin(http)
            return await _from_form(http)
        case kind:
            message = f"Send {_JSON}, or multipart/form-data for uploads, not {kind or 'a body without Content-Type'}."
            raise Refused(415, message)


async def _from_form(http: HttpRequest) -> Request:
    """A request with files, by the GraphQL multipart request specification."""
    limit = http.state.settings.max_import_bytes
    _limit_declared(http.headers, limit)
    try:
        form = await http.form(max_files=10, max_fields=10, max_part_size=http.state.settings.max_body_bytes)
    except HTTPException as error:
        if isinstance(error.__context__, _Endless):
            raise _too_large(limit) from error
        raise Refused(400, f"The form is malformed: {error.detail}") from error
    sent = _parsed(_text(form, "operations"), "operations")
    places = _parsed(_text(form, "map"), "map")
    files = {name: value for name, value in form.items() if isinstance(value, UploadFile)}
    if not isinstance(sent, dict) or not isinstance(places, dict):
        raise Refused(400, "operations and map must be JSON objects.")
    try:
        return _request_of(replace_placeholders_with_files(sent, places, files))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise Refused(400, "map names a file that was not sent, or a place that operations does not have.") from error


def _text(form: FormData, name: str) -> bytes:
    value = form.get(name)
    if not isinstance(value, str):
        raise Refused(400, f"The form must have a text field {name!r} (GraphQL multipart request specification).")
    return value.encode(errors="surrogatepass")


async def _body(http: HttpRequest, limit: int) -> bytes:
    """The body, read no further than its limit, whatever length it declares."""
    _limit_declared(http.headers, limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in http.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _limited(receive: Receive, limit: int) -> Receive:
    """Receive no more than `limit` bytes of a body, which may come in chunks without a declared length."""
    size = 0

    async def receive_limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise _Endless("the body is too large")
        return message

    return receive_limited


def _limit_declared(headers: Headers, limit: int) -> None:
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared[:20]) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> Refused:
    return Refused(413, f"The body is larger than {limit:,} bytes. Send less at a time.")


def _require_plain(headers: Headers) -> None:
    """JSON must be in UTF-8, and not be compressed."""
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "Send the body as it is, without Content-Encoding.")
    charset = headers.get("content-type", "").lower().partition("charset=")[2].partition(";")[0].strip(' "')
    if charset not in ("", "utf-8", "utf8"):
        raise Refused(415, f"Send JSON in UTF-8, not {charset}.")


def _require_same_origin(http: HttpRequest) -> None:
    """Browsers send forms from any site without asking first: take them only from our own pages, or asked for."""
    asked_for = "apollo-require-preflight" in http.headers or "graphql-require-preflight" in http.headers
    if not asked_for and not http.state.settings.welcomes(http.headers.get("origin"), http.headers.get("host")):
        raise Refused(403, "A form from another site needs the header GraphQL-Require-Preflight: true.")


def _parsed(text: bytes, name: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"{name} is not JSON in UTF-8: {error}") from error


def _request_of(given: object) -> Request:
    try:
        return checked(given)
    except Malformed as error:
        raise Refused(400, str(error)) from error
