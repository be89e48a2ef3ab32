"""The media type of a GraphQL answer, according to the client's Accept header (RFC 9110, section 12.5.1)."""

import re
from collections.abc import Mapping
from functools import lru_cache

JSON = "application/json"
RESPONSE_JSON = "application/graphql-response+json"
_QUALITY = re.compile(r"[01](\.\d{0,3})?")
_UNWANTED = (0.0, False)


@lru_cache(maxsize=256)
def negotiated(accept: bytes | None) -> str | None:
    """The media type that the client prefers, by default `application/json`. None if it accepts neither."""
    qualities = _qualities(accept.decode("latin-1") if accept else JSON)
    response, json = (_quality(kind, qualities) for kind in (RESPONSE_JSON, JSON))
    if max(response, json) == _UNWANTED:
        return None
    if response == json:
        return RESPONSE_JSON if RESPONSE_JSON in qualities else JSON
    return max((response, RESPONSE_JSON), (json, JSON))[1]


def _qualities(accept: str) -> dict[str, float]:
    """The quality of each media range in an Accept header, from 0 to 1."""
    found: dict[str, float] = {}
    for part in accept.lower().split(","):
        kind, *parameters = (each.strip() for each in part.split(";"))
        given = next((each for each in parameters if each.startswith("q=")), "q=1")
        found[kind] = float(given[2:]) if _QUALITY.fullmatch(given[2:]) else 0
    return found


def _quality(kind: str, qualities: Mapping[str, float]) -> tuple[float, bool]:
    """The quality of a media type by its most specific range, and whether that is exact. `_UNWANTED` if refused."""
    for each in (kind, "application/*", "*/*"):
        if each in qualities:
            return (qualities[each], each == kind) if qualities[each] else _UNWANTED
    return _UNWANTED
