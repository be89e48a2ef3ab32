"""Reads GraphQL requests from HTTP requests: from a query string, a JSON body, or a form with files.

Headers are read as raw bytes, because Starlette's own look-ups decode and scan them each time.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import orjson
from starlette.datastructures import FormData, QueryParams, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.types import Message, Receive, Scope
from strawberry.file_uploads.utils import replace_placeholders_with_files

from schema.execution.operations import Request
from schema.transport.negotiation import JSON
from schema.transport.requests import DOCUMENT_IDS, Malformed, checked
from settings import Settings

# The headers of a request. If a header is repeated, the first one counts.
Headers = Mapping[bytes, bytes]


_CODES = {
    400: "MALFORMED",
    403: "FOREIGN_ORIGIN",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    413: "TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
}


class BodyRefused(Exception):
    """Raised if a request is not a GraphQL request, with an HTTP status, a code, and a message that says what to do."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = _CODES[status]
        self.message = message
        self.headers = headers


class _FormTooLarge(MultiPartException):
    """Raised while reading a form that exceeds the limit. Starlette then closes the files it has created."""


def headers_of(scope: Scope) -> Headers:
    """The request's headers by their lower-case names."""
    return dict(reversed(list(scope["headers"])))


def from_query(scope: Scope, settings: Settings) -> Request:
    """The request in a query string. Raises `BodyRefused`."""
    parameters = QueryParams(scope["query_string"])
    if "query" in parameters and settings.get_queries == "off":
        raise BodyRefused(405, "Send queries with POST. GET requests can name a persisted document.", {"Allow": "POST"})
    names = ("query", "operationName", *DOCUMENT_IDS)
    given: dict[str, object] = {name: value for name in names if (value := parameters.get(name))}
    for name in ("variables", "extensions"):
        if value := parameters.get(name):
            given[name] = _parsed(value.encode(errors="surrogatepass"), name)
    return replace(_request_of(given), may_mutate=False)


async def from_json(headers: Headers, receive: Receive, settings: Settings) -> Request:
    """The request in a JSON body. Raises `BodyRefused`, or `ClientDisconnect`."""
    _require_plain(headers)
    return _request_of(_parsed(await _body(headers, receive, settings.max_body_bytes), "The body"))


async def from_form(http: HttpRequest, headers: Headers, settings: Settings) -> Request:
    """The request with files in a form (GraphQL multipart request specification). Raises `BodyRefused`.

    Close the form when the request is done.
    """
    _require_same_origin(headers, http.scope["scheme"], settings)
    _limit_declared(headers, settings.max_import_bytes)
    try:
        form = await http.form(max_files=10, max_fields=10, max_part_size=settings.max_body_bytes)
    except HTTPException as error:
        if isinstance(error.__context__, _FormTooLarge):
            raise _too_large(settings.max_import_bytes) from error
        raise BodyRefused(400, f"The form is malformed: {error.detail}") from error
    sent = _parsed(_text(form, "operations"), "operations")
    places = _parsed(_text(form, "map"), "map")
    files = {name: value for name, value in form.items() if isinstance(value, UploadFile)}
    if not isinstance(sent, dict) or not isinstance(places, dict):
        raise BodyRefused(400, "operations and map must be JSON objects.")
    try:
        return _request_of(replace_placeholders_with_files(sent, places, files))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise BodyRefused(
            400, "map refers to a file that was not sent, or to a path that does not exist in operations. Correct it."
        ) from error


def limited(receive: Receive, settings: Settings) -> Receive:
    """Limit a form to the size of an import, even if it is sent in chunks without a declared length."""
    size = 0

    async def receive_limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > settings.max_import_bytes:
            raise _FormTooLarge("the body is too large")
        return message

    return receive_limited


@lru_cache(maxsize=256)
def media_type(content_type: bytes) -> str:
    """The media type in a Content-Type header."""
    return content_type.decode("latin-1").partition(";")[0].strip().lower()


def _text(form: FormData, name: str) -> bytes:
    value = form.get(name)
    if not isinstance(value, str):
        raise BodyRefused(400, f"The form must have a text field {name!r} (GraphQL multipart request specification).")
    return value.encode(errors="surrogatepass")


async def _body(headers: Headers, receive: Receive, limit: int) -> bytes:
    """The body, read only up to the limit, whatever its declared length."""
    _limit_declared(headers, limit)
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise _too_large(limit)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _limit_declared(headers: Headers, limit: int) -> None:
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or int(declared[:20]) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> BodyRefused:
    return BodyRefused(413, f"The body exceeds the limit of {limit:,} bytes. Send a smaller one.")


def _require_plain(headers: Headers) -> None:
    """Require JSON in UTF-8, without compression."""
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise BodyRefused(415, "Encoded bodies are not supported. Send the body without Content-Encoding.")
    if (charset := _charset(headers.get(b"content-type", b""))) not in ("", "utf-8", "utf8"):
        raise BodyRefused(415, f"Send {JSON} in UTF-8, not {charset}.")


@lru_cache(maxsize=256)
def _charset(content_type: bytes) -> str:
    return content_type.decode("latin-1").lower().partition("charset=")[2].partition(";")[0].strip(' "')


def _require_same_origin(headers: Headers, scheme: str, settings: Settings) -> None:
    """Refuse forms from pages of other sites, which browsers send without a preflight request, unless allowed."""
    if b"apollo-require-preflight" in headers or b"graphql-require-preflight" in headers:
        return
    origin, host = headers.get(b"origin"), headers.get(b"host", b"")
    if origin is not None and not settings.welcomes(origin.decode("latin-1"), host.decode("latin-1"), scheme):
        raise BodyRefused(403, "Forms from pages of other sites must have the header GraphQL-Require-Preflight: true.")


def _parsed(text: bytes, name: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BodyRefused(400, f"{name} is not valid JSON in UTF-8: {error}.") from error


def _request_of(given: object) -> Request:
    try:
        return checked(given)
    except Malformed as error:
        raise BodyRefused(400, str(error)) from error
