"""How requests are dispatched and answered: in JSON, or with problem details."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from resolvers import mastery
from resolvers.caller import Caller
from resolvers.errors import Busy, ContactReadOnly, Problem, VersionConflict
from rest import etags, problems, representation
from rest.problems import ForeignOrigin, Malformed, UnsupportedMediaType
from runtime.fairness import first
from storage.changes import Author
from storage.documents import Document

# What is read may change at any moment: a cache must ask before it answers.
FRESH = {"Cache-Control": "private, no-cache"}
# The media types of bodies, or of none, that any page may send anywhere (Fetch, "CORS-safelisted request-header").
_UNASKED = frozenset({"", "text/plain", "multipart/form-data", "application/x-www-form-urlencoded"})

Handler = Callable[[Request], Awaitable[Response]]


def resource(path: str, **handlers: Handler) -> Route:
    """A path and the handlers of its methods. HEAD goes with GET; OPTIONS says what there is."""
    methods = ["OPTIONS", *handlers, *(["HEAD"] if "GET" in handlers else [])]
    allow = {"Allow": ", ".join(sorted(methods))}

    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=allow)
        _check_origin(request)
        request.state.caller = _caller(request)
        if request.method in ("GET", "HEAD"):
            with first:
                return await handlers["GET"](request)
        return await handlers[request.method](request)

    return Route(path, endpoint, methods=methods)


def _caller(request: Request) -> Caller:
    state = request.state
    return Caller(state.db, Author(state.user, "rest"), state.settings.default_region)


def _check_origin(request: Request) -> None:
    """Raise `ForeignOrigin` for what a browser lets a page of another site post without asking the service first."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST" or kind not in _UNASKED:
        return
    if not request.state.settings.welcomes(request.headers.get("origin"), request.headers.get("host")):
        raise ForeignOrigin


def json(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(orjson.dumps(content), status, {**FRESH, **(headers or {})}, "application/json")


async def contact(
    request: Request, document: Document, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that is this contact."""
    content = representation.contact(document, await states(request, document))
    return json(content, status, {"ETag": etags.etag(document), **(headers or {})})


async def states(request: Request, contact: Document) -> mastery.States:
    """The state of the synchronised domains, as far as it concerns this contact."""
    return await mastery.read(request.state.caller) if contact["source"] == "SYNCED" else {}


async def refused(request: Request, problem: Exception) -> Response:
    """The answer to a request that the domain, or the reading of the request, refused."""
    assert isinstance(problem, Problem)
    content = problems.body(problem, getattr(request.state, "sent", {}))
    headers = {}
    match problem:
        case Busy():
            headers["Retry-After"] = str(problems.RETRY_AFTER_SECONDS)
        case VersionConflict():
            content["current"]["etag"] = headers["ETag"] = etags.etag(problem.current)
        case UnsupportedMediaType():
            headers["Accept"] = "application/json"
        case ContactReadOnly():
            shown = representation.contact(problem.contact, await states(request, problem.contact))
            content["contact"]["onPremises"] = shown["onPremises"]
    return _problem(content, headers)


async def not_served(request: Request, error: Exception) -> Response:
    """The answer to a path or method that there is not."""
    assert isinstance(error, HTTPException)
    path = request.scope["path"]
    match error.status_code:
        case 404:
            detail = (
                f"There is nothing at {path}. GraphQL is at /graphql, in a browser with GraphiQL; "
                "/api/identity/openapi.json describes the paths of REST."
            )
        case 405:
            detail = f"{path} does not take {request.method}."
        case _:
            detail = error.detail
    code = problems.HTTP_CODES.get(HTTPStatus(error.status_code), Malformed.code)
    return _problem(problems.details(code, error.status_code, detail), error.headers)


def internal_error(request_id: str) -> Response:
    """The answer to a request that failed unexpectedly: nothing but its id."""
    detail = f"Something went wrong on our side. Report the request id {request_id} to the administrators."
    # Starlette answers failures outside all middleware, so that none names the request.
    return _problem(problems.details("INTERNAL", 500, detail, requestId=request_id), {"X-Request-Id": request_id})


def unavailable(request_id: str) -> Response:
    """The answer to a request that the database did not answer, so that nobody knows what became of it."""
    detail = f"The database cannot be reached at the moment. Try again soon; the request id is {request_id}."
    content = problems.details("UNAVAILABLE", 503, detail, requestId=request_id)
    return _problem(content, {"Retry-After": str(problems.RETRY_AFTER_SECONDS)})


def misdirected(host: str) -> Response:
    """The answer to a request for a host that this service is not."""
    detail = (
        f"This service is not {host[:80]}. Call it by an address of this machine, or have CONTACTS_ALLOWED_HOSTS name "
        "the host."
    )
    return _problem(problems.details("MISDIRECTED", 421, detail))


def _problem(content: Document, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), content["status"], headers, problems.MEDIA_TYPE)
