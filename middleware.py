"""The middleware for every request: request IDs, trusted proxies, the check of the Host header, CORS, and sign-in."""

import re
from collections.abc import Callable

import structlog
import uuid_utils
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import rest
from identity.errors import ProviderUnavailable
from identity.proxies import forwarded, trusting
from resolvers.admission import admit
from resolvers.errors import Problem, RateLimited, Unauthenticated
from resolvers.rate_limits import payer
from runtime import logs
from schema.transport import page, view
from settings import LOOPBACK_ORIGIN, Settings, is_loopback
from storage.changes import Channel
from storage.driver import Unavailable

log = structlog.get_logger(__name__)

# Keep browsers from guessing the content type of an answer, and from showing it inside pages of other sites.
_PROTECTIVE = [(b"x-content-type-options", b"nosniff"), (b"x-frame-options", b"DENY")]
# The messages that begin an answer: to a request, an accepted WebSocket handshake, or a rejected one.
_BEGINNINGS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_ACCEPTED_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SCHEMES = {"http": {"http": "http", "https": "https"}, "websocket": {"http": "ws", "https": "wss"}}
_MAX_LOGGED_ORIGINS = 100

IsPublic = Callable[[Scope], bool]


def middleware(settings: Settings, is_public: IsPublic) -> list[Middleware]:
    """The middleware for every request, outermost first. `is_public`: whether a request requires no sign-in."""
    return [
        Middleware(RequestId),
        *([Middleware(Proxies, settings)] if settings.trusted_proxies else []),
        Middleware(Guard, settings),
        *_cors(settings),
        Middleware(SignIn, settings, is_public),
    ]


def _cors(settings: Settings) -> list[Middleware]:
    """Lets pages of the allowed origins call the service."""
    if not settings.allowed_origins and not settings.allow_loopback_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_origin_regex=LOOPBACK_ORIGIN.pattern if settings.allow_loopback_origins else None,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["*"],
            expose_headers=[
                "ETag",
                "Link",
                "Location",
                "RateLimit",
                "RateLimit-Policy",
                "Retry-After",
                "WWW-Authenticate",
                "X-Request-Id",
            ],
        )
    ]


class RequestId:
    """Adds the caller's `X-Request-Id`, or a new ID, to the logs and the answer of each request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = _header(scope, b"x-request-id")
        identifier = given.decode() if given and _ACCEPTED_ID.fullmatch(given) else str(uuid_utils.uuid7())
        scope.setdefault("state", {})["request_id"] = identifier

        async def send_named(message: Message) -> None:
            if message["type"] in _BEGINNINGS:
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", identifier.encode())]
            await send(message)

        logs.request_id.set(identifier)  # only in the task of this request
        await self._app(scope, receive, send_named)


class Proxies:
    """Believes trusted proxies, and only them, what address, scheme and host a client used."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._is_trusted = trusting(settings.trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and self._is_trusted(_address(scope)):
            found = forwarded(_address(scope), scope["headers"], self._is_trusted)
            scope["client"] = (found.address, 0)
            scope["state"]["from_proxy"] = True
            if found.scheme:
                scope["scheme"] = _SCHEMES[scope["type"]][found.scheme]
            if found.host:
                others = [(name, value) for name, value in scope["headers"] if name != b"host"]
                scope["headers"] = [*others, (b"host", found.host)]
        await self._app(scope, receive, send)


class Guard:
    """Rejects requests for other host names, and protects answers from the pages of other sites.

    Without it, a web page could attack the service through the browser of its visitor.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._logged: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_PROTECTIVE, *rest.allowance(scope["state"])]
            await send(message)

        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        host, origin = _host(scope), _text(_header(scope, b"origin"))
        if origin is not None and not self._settings.welcomes(origin, host, scope["scheme"]):
            self._log_refused(origin)
        # Health checks often use the address of a machine. Their answers contain nothing.
        if self._settings.answers_to(host) or scope["path"] in ("/healthz", "/readyz"):
            await self._app(scope, receive, send_guarded)
        else:
            await rest.misdirected(str(host))(scope, receive, send_guarded)

    def _log_refused(self, origin: str) -> None:
        """Say once which setting allows a page whose requests fail."""
        if origin not in self._logged and len(self._logged) < _MAX_LOGGED_ORIGINS:
            self._logged.add(origin)
            log.warning(
                "A web page of another origin called the service, and its browser refuses it the answer. To allow the "
                "origin, add it to CONTACTS_ALLOWED_ORIGINS.",
                origin=origin[:200],
            )


class SignIn:
    """Finds out who sends a request, and refuses it unless they may read or the request is public.

    `state["identity"]` is then the sender, None for public requests, and for WebSockets that sign in later.
    `state["payer"]` pays for the request, if there is a sender.
    """

    def __init__(self, app: ASGIApp, settings: Settings, is_public: IsPublic) -> None:
        self._app = app
        self._is_public = is_public
        self._requires_tls = settings.auth != "none"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        state = scope["state"]
        state["address"] = _address(scope)
        state["identity"] = None
        answer: ASGIApp = self._app
        try:
            await self._admit(scope)
        except Problem as problem:
            answer = _refusal(scope, problem)
        except ProviderUnavailable as error:
            log.warning("sign-in unavailable", error=str(error))
            answer = _unavailable(scope, error.message)
        except Unavailable as error:
            log.warning("refusal not recorded", error=str(error))
            answer = _unavailable(scope, view.NOT_RECORDED)
        await answer(scope, receive, send)

    async def _admit(self, scope: Scope) -> None:
        """Set the identity in the state.

        Raises `Unauthenticated`, `RateLimited`, `Forbidden`, `TlsRequired`, `ProviderUnavailable`.
        """
        state = scope["state"]
        if self._requires_tls and scope["scheme"] in ("http", "ws") and not is_loopback(state["address"]):
            if self._is_public(scope) and not _header(scope, b"authorization"):
                return
            raise rest.TlsRequired
        sign_in = state["sign_in"]
        authorization = _header(scope, b"authorization")
        if authorization and not sign_in.knows(authorization):
            state["attempts"].check(state["address"])
        try:
            identity = await sign_in.by_headers(scope["headers"], from_proxy=state.get("from_proxy", False))
        except Unauthenticated as problem:
            can_follow = scope["type"] == "websocket" and sign_in.in_band
            if not problem.has_token and (can_follow or self._is_public(scope)):
                return
            state["failures"].count(state["address"])
            if problem.has_token:
                await state["attempts"].failed(state["address"])
            raise
        if identity.role is None:
            channel: Channel = "graphql" if _is_graphql(scope) else "rest"
            await admit(state["db"], identity, channel, state["address"], state["request_id"])
        state["identity"] = identity
        state["payer"] = payer(identity, state["address"], signs_in=self._requires_tls)


def _refusal(scope: Scope, problem: Problem) -> ASGIApp:
    headers: dict[str, str] = {}
    match problem:
        case Unauthenticated():
            headers["WWW-Authenticate"] = rest.challenge(scope, _text(_header(scope, b"host")), problem)
        case RateLimited():
            headers["Retry-After"] = str(problem.retry_after_seconds)
    return view.refusal(problem, headers) if _is_graphql(scope) else rest.refusal(problem, headers)


def _unavailable(scope: Scope, message: str) -> ASGIApp:
    return view.unavailable(message) if _is_graphql(scope) else rest.sign_in_unavailable(message)


def _is_graphql(scope: Scope) -> bool:
    return bool(scope["path"] == page.PATH)


def _address(scope: Scope) -> str:
    """The address of the client, empty if it is not connected by a network."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _header(scope: Scope, name: bytes) -> bytes | None:
    """The value of the first header with this name, which must be in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


def _host(scope: Scope) -> str | None:
    """The host that the client named. Several are joined to something that is no name."""
    named = [value for name, value in scope["headers"] if name == b"host"]
    return b", ".join(named).decode("latin-1") if named else None


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
