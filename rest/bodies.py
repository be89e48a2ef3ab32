"""Bodies of requests: read within limits, and which are taken for JSON objects."""

import re
from collections.abc import Mapping

import orjson
from starlette.requests import ClientDisconnect, Request

from rest.problems import Malformed, TooLarge, UnsupportedMediaType
from storage.documents import Document

_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s;\"]*)", re.IGNORECASE)


async def read_object(request: Request) -> Document:
    """The JSON object of a request's body. Raises `UnsupportedMediaType`, `TooLarge`, `Malformed`."""
    check_json(request.headers)
    sent = parse_object(await read_body(request, request.state.settings.max_body_bytes))
    request.state.sent = sent
    return sent


async def read_body(request: Request, limit: int) -> bytes:
    """The body of a request. Raises `TooLarge` as soon as it is known to be longer than `limit` bytes."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > limit):
        raise TooLarge(limit)
    content = bytearray()
    try:
        async for chunk in request.stream():
            content += chunk
            if len(content) > limit:
                raise TooLarge(limit)
    except ClientDisconnect:
        raise Malformed("The connection ended before the body did.") from None
    return bytes(content)


def check_json(headers: Mapping[str, str]) -> None:
    """Make sure that the body is plain JSON. Raises `UnsupportedMediaType`.

    A body without a type is none either: a foreign web page could send that without being asked for its origin.
    """
    given = headers.get("content-type", "")
    charset = _CHARSET.search(given)
    if not re.fullmatch(r"application/([\w.+-]+\+)?json", given.partition(";")[0].strip().lower(), re.ASCII):
        raise UnsupportedMediaType("Send the contact as JSON, with Content-Type: application/json.")
    if charset and charset[1].lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(f"JSON is written in UTF-8, not in {charset[1][:80]}.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the body as it is, without Content-Encoding.")


def parse_object(content: bytes) -> Document:
    """The JSON object that the body is; of members with one name, the last. Raises `Malformed`."""
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: {error}.") from None
    if not isinstance(parsed, dict):
        raise Malformed("The body must be one JSON object with the contact's fields.")
    return parsed
