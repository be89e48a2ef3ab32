"""Dispatches requests to handlers, and answers them with JSON or problem details."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from resolvers import audit_log, mastery
from resolvers.caller import Caller, signed_in
from resolvers.errors import (
    Busy,
    ContactReadOnly,
    Forbidden,
    IdempotencyKeyInUse,
    Problem,
    RateLimited,
    VersionConflict,
)
from rest import costs, etags, problems, representation
from rest.idempotency import with_key
from rest.problems import ForeignOrigin, Malformed, UnsupportedMediaType
from runtime.fairness import first
from storage.documents import Document

# Data can change at any time, so caches must revalidate.
FRESH = {"Cache-Control": "private, no-cache"}
# The media types that any web page may send to any site (Fetch, "CORS-safelisted request-header"). Empty: no body.
_WITHOUT_PREFLIGHT = frozenset({"", "text/plain", "multipart/form-data", "application/x-www-form-urlencoded"})

Handler = Callable[[Request], Awaitable[Response]]


def resource(path: str, **handlers: Handler) -> Route:
    """A path and the handlers of its methods. HEAD is answered like GET, OPTIONS with the methods."""
    methods = ["OPTIONS", *handlers, *(["HEAD"] if "GET" in handlers else [])]
    allow = {"Allow": ", ".join(sorted(methods))}

    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=allow)
        _check_origin(request)
        request.state.caller = _caller(request)
        await _pay(request, costs.units(request, path))
        if request.method in ("GET", "HEAD"):
            with first:
                answer = await handlers["GET"](request)
            await _record_read(request)
            return answer
        request.state.caller = with_key(request, request.state.caller)
        return await handlers[request.method](request)

    return Route(path, endpoint, methods=methods)


def _caller(request: Request) -> Caller:
    state = request.state
    return signed_in(state.db, state.identity, "rest", state.settings.default_region, state.address, state.request_id)


async def _pay(request: Request, units: int) -> None:
    """Pay for a request. Raises `RateLimited`."""
    if limit := request.state.rate_limit:
        await limit.spend(request.state.payer, units)


async def _record_read(request: Request) -> None:
    """Record an allowed read, if the settings say so and it is not recorded as something else."""
    if request.state.settings.audit_reads == "on" and not _is_export(request):
        details = {"path": request.url.path, "parameters": [*request.query_params.keys()]}
        await audit_log.record_read(request.state.caller, details)


def _check_origin(request: Request) -> None:
    """Raise `ForeignOrigin` if a page of another site sends what leaves a trace, and needs no preflight request."""
    if not _leaves_trace_unasked(request):
        return
    origin, host = request.headers.get("origin"), request.headers.get("host")
    # Browsers send no origin for images and links, but say that another site's page has them.
    is_from_elsewhere = origin is None and request.headers.get("sec-fetch-site") == "cross-site"
    if is_from_elsewhere or not request.state.settings.welcomes(origin, host, request.scope["scheme"]):
        raise ForeignOrigin


def _leaves_trace_unasked(request: Request) -> bool:
    """Whether a browser sends this for any page without asking the service first, and it is more than a read."""
    if request.method in ("GET", "HEAD"):
        return _is_export(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return request.method == "POST" and kind in _WITHOUT_PREFLIGHT


def _is_export(request: Request) -> bool:
    """Whether the request leaves an entry in the audit log, although it only reads."""
    return request.url.path.endswith("/export")


def json(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(content), status, {**FRESH, **(headers or {})}, "application/json")


async def contact(
    request: Request, document: Document, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer with this contact and its entity tag."""
    content = representation.contact(document, await states(request.state.caller, document))
    return json(content, status, {"ETag": etags.etag(document), **(headers or {})})


async def states(caller: Caller, contact: Document) -> mastery.States:
    """The state of the synchronized domains. Empty if the contact is not synced."""
    return await mastery.read(caller) if contact["source"] == "SYNCED" else {}


async def refused(request: Request, problem: Exception) -> Response:
    """The answer to a request that was refused, by a resolver or while reading it."""
    assert isinstance(problem, Problem)
    content = problems.body(problem, getattr(request.state, "sent", {}))
    headers = {}
    match problem:
        case Forbidden():
            caller: Caller = request.state.caller
            await audit_log.record_refusal(caller.db, caller.author, problem, caller.address, caller.request_id)
        case Busy() | IdempotencyKeyInUse():
            headers["Retry-After"] = str(problems.RETRY_AFTER_SECONDS)
        case RateLimited():
            headers["Retry-After"] = str(problem.retry_after_seconds)
        case VersionConflict():
            content["current"]["etag"] = headers["ETag"] = etags.etag(problem.current)
        case UnsupportedMediaType():
            headers["Accept"] = "application/json"
        case ContactReadOnly():
            shown = representation.contact(problem.contact, await states(request.state.caller, problem.contact))
            content["contact"]["onPremises"] = shown["onPremises"]
    return _problem(content, headers)


async def not_served(request: Request, error: Exception) -> Response:
    """The answer to an unknown path or an unsupported method."""
    assert isinstance(error, HTTPException)
    path = request.scope["path"]
    match error.status_code:
        case 404:
            detail = (
                f"There is no resource at {path}. GraphQL is at /graphql. The REST API is described at "
                "/api/identity/openapi.json."
            )
        case 405:
            detail = f"{path} does not support {request.method}. The Allow header lists the supported methods."
        case _:
            detail = error.detail
    code = problems.HTTP_CODES.get(HTTPStatus(error.status_code), Malformed.code)
    return _problem(problems.details(code, error.status_code, detail), error.headers)


def internal_error(request_id: str) -> Response:
    """The answer to a request that failed unexpectedly: it contains nothing but the request ID."""
    detail = f"Something went wrong in the service. Report the request ID {request_id} to the administrators."
    # Starlette answers such requests outside all middleware, so no middleware adds the request ID.
    return _problem(problems.details("INTERNAL", 500, detail, requestId=request_id), {"X-Request-Id": request_id})


def unavailable(request_id: str) -> Response:
    """The answer if the database did not answer. Whether a change was made is then unknown."""
    detail = f"The database cannot be reached at the moment. Try again later. The request ID is {request_id}."
    content = problems.details("UNAVAILABLE", 503, detail, requestId=request_id)
    return _problem(content, {"Retry-After": str(problems.RETRY_AFTER_SECONDS)})


def refusal(problem: Problem, headers: Mapping[str, str]) -> Response:
    """The answer to a request that is refused before anything reads it."""
    return _problem(problems.body(problem, {}), headers)


def sign_in_unavailable(detail: str) -> Response:
    """The answer if tokens cannot be checked at the moment."""
    content = problems.details("UNAVAILABLE", 503, detail)
    return _problem(content, {"Retry-After": str(problems.RETRY_AFTER_SECONDS)})


def misdirected(host: str) -> Response:
    """The answer to a request for a host name that this service does not answer to."""
    detail = (
        f"This service does not answer to the host name {host[:80]}. Use localhost or a loopback address, or add the "
        "name to CONTACTS_ALLOWED_HOSTS."
    )
    return _problem(problems.details("MISDIRECTED", 421, detail))


def _problem(content: Document, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), content["status"], headers, problems.MEDIA_TYPE)
