"""Request bodies: read within limits and parsed as JSON objects."""

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
    """The body of a request. Raises `TooLarge` as soon as it is known to exceed `limit` bytes."""
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
        raise Malformed("The connection was closed before the body was complete. Send the request again.") from None
    return bytes(content)


def check_json(headers: Mapping[str, str]) -> None:
    """Check that the headers declare plain JSON. Raises `UnsupportedMediaType`.

    A missing type is also refused: pages of other sites can send that without a preflight request.
    """
    given = headers.get("content-type", "")
    charset = _CHARSET.search(given)
    if not re.fullmatch(r"application/([\w.+-]+\+)?json", given.partition(";")[0].strip().lower(), re.ASCII):
        raise UnsupportedMediaType("Send the contact as JSON, with Content-Type: application/json.")
    if charset and charset[1].lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(f"JSON must be encoded in UTF-8, not in {charset[1][:80]}.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Encoded bodies are not supported. Send the body without Content-Encoding.")


def parse_object(content: bytes) -> Document:
    """The JSON object in the body. If a name occurs more than once, the last one counts. Raises `Malformed`."""
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The body is not valid JSON: {error}.") from None
    if not isinstance(parsed, dict):
        raise Malformed("The body must be a JSON object with the contact's fields.")
    return parsed
