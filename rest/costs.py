"""What REST requests cost, in the units of GraphQL: about 1 for each contact of a page."""

from collections.abc import Mapping

from starlette.requests import Request

from resolvers import paging

_ONE, _CHANGE, _EXPORT = 2, 12, 1_000
# A list costs its page besides.
_LIST = 5
_CONTACTS = "/api/identity/contacts"

UNITS: Mapping[tuple[str, str], int] = {
    ("GET", "/api/identity/openapi.json"): 1,
    ("GET", "/api/identity/viewer"): 1,
    ("GET", "/api/identity/audit"): _LIST,
    ("GET", "/api/identity/audit/export"): _EXPORT,
    ("GET", _CONTACTS): _LIST,
    ("POST", _CONTACTS): _CHANGE,
    ("GET", f"{_CONTACTS}/{{id}}"): _ONE,
    ("PUT", f"{_CONTACTS}/{{id}}"): _CHANGE,
    ("DELETE", f"{_CONTACTS}/{{id}}"): _CHANGE,
    ("POST", f"{_CONTACTS}/bulk"): _CHANGE,
    ("GET", f"{_CONTACTS}/export"): _EXPORT,
    ("GET", f"{_CONTACTS}/imports"): _LIST,
    ("GET", f"{_CONTACTS}/imports/{{id}}"): _ONE,
    ("GET", f"{_CONTACTS}/imports/{{id}}/problems"): _LIST,
    ("GET", f"{_CONTACTS}/imports/{{id}}/outcomes"): _LIST,
    ("GET", f"{_CONTACTS}/imports/{{id}}/failed.csv"): _EXPORT,
    ("POST", f"{_CONTACTS}/imports/{{id}}/cancel"): _CHANGE,
    ("POST", f"{_CONTACTS}/imports/{{id}}/undo"): _CHANGE,
}


def units(request: Request, path: str) -> int:
    """The cost of a request for this path. `HEAD` costs as much as `GET`."""
    method = "GET" if request.method == "HEAD" else request.method
    known = UNITS[method, path]
    return known + _page_size(request.query_params.get("limit", "")) if known == _LIST else known


def _page_size(limit: str) -> int:
    """The size of a page. An invalid limit is refused later."""
    is_number = limit.isascii() and limit.isdecimal() and len(limit) < 5
    return min(int(limit), paging.MAX_SIZE) if is_number else paging.DEFAULT_SIZE
