"""The `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header-07)."""

import re

from starlette.requests import Request

from resolvers.caller import Caller
from resolvers.errors import IdempotencyKeyInvalid
from resolvers.idempotency import keyed

# A structured field string (RFC 9651). Many clients send the key without the quotes, which means the same.
_STRING = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


def with_key(request: Request, caller: Caller) -> Caller:
    """The caller with the key of the request, if it has one. Raises `IdempotencyKeyInvalid`."""
    lines = request.headers.getlist("idempotency-key")
    if not lines:
        return caller
    if len(lines) > 1:
        raise IdempotencyKeyInvalid("The request has more than one Idempotency-Key. Send it once.")
    return keyed(caller, _text(lines[0].strip()))


def _text(value: str) -> str:
    if not value.startswith('"'):
        return value
    found = _STRING.fullmatch(value)
    if found is None:
        raise IdempotencyKeyInvalid(
            'Idempotency-Key begins with a quote, but is not a string. Send it as "KEY", or without quotes.'
        )
    return re.sub(r'\\(["\\])', r"\1", found[1])
