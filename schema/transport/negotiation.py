"""Which media type a GraphQL answer has: what the client accepts and prefers (RFC 9110, section 12.5.1)."""

import re
from collections.abc import Mapping
from functools import lru_cache

JSON = "application/json"
RESPONSE_JSON = "application/graphql-response+json"
_QUALITY = re.compile(r"[01](\.\d{0,3})?")
_UNWANTED = (0.0, False)


@lru_cache(maxsize=256)
def negotiated(accept: bytes | None) -> str | None:
    """The media type that the client prefers, `application/json` where it does not say; None if it wants neither."""
    qualities = _qualities(accept.decode("latin-1") if accept else JSON)
    response, json = (_quality(kind, qualities) for kind in (RESPONSE_JSON, JSON))
    if max(response, json) == _UNWANTED:
        return None
    if response == json:
        return RESPONSE_JSON if RESPONSE_JSON in qualities else JSON
    return max((response, RESPONSE_JSON), (json, JSON))[1]


def _qualities(accept: str) -> dict[str, float]:
    """How much each media range of an Accept header is wanted, from 0 to 1."""
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
