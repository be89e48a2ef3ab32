"""The ways to sign in: not at all, with tokens of an OpenID Connect provider, or by a proxy in front of the service."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from identity import oidc
from identity.roles import highest
from resolvers.caller import Identity, Role
from resolvers.errors import Unauthenticated
from settings import Settings

# The headers of a request as ASGI has them: names in lower case.
Headers = Iterable[tuple[bytes, bytes]]

LOCAL = Identity("local", "local user", "USER", Role.ADMIN)
# Characters of a name, and of a list of roles, which may contain all groups of a user.
_MAX_NAME = 256
_MAX_ROLES = 16_384


class SignIn(Protocol):
    """A way to sign in. `in_band`: whether WebSocket clients, which cannot all send headers, may send a token later."""

    in_band: bool

    @property
    def addresses(self) -> Sequence[str]:
        """The addresses of the provider that a page calls to sign its user in."""

    def knows(self, authorization: bytes) -> bool:
        """Whether this value of an `Authorization` header has been verified before, so that it costs nothing again."""

    async def by_headers(self, headers: Headers, *, from_proxy: bool) -> Identity:
        """Who sent a request with these headers. `from_proxy`: whether it came from a trusted proxy.

        Raises `Unauthenticated`, `ProviderUnavailable`.
        """

    async def by_token(self, authorization: str) -> Identity:
        """Who sent this value of an `Authorization` header in the first message of a WebSocket. Raises the same."""


class NoSignIn:
    """Everyone on this machine is an administrator."""

    in_band = False

    def knows(self, authorization: bytes) -> bool:
        return False

    addresses = ()

    async def by_headers(self, headers: Headers, *, from_proxy: bool) -> Identity:
        if _values(headers, b"authorization"):
            await self.by_token("")
        return LOCAL

    async def by_token(self, authorization: str) -> Identity:
        raise Unauthenticated(
            "This service has no sign-in (CONTACTS_AUTH=none), so it cannot check the Authorization header. Send the "
            "request without it."
        )


class ByToken:
    """With the bearer tokens of an OpenID Connect provider."""

    in_band = True

    def __init__(self, provider: oidc.Provider) -> None:
        self._provider = provider

    def knows(self, authorization: bytes) -> bool:
        return self._provider.known(authorization) is not None

    @property
    def addresses(self) -> Sequence[str]:
        return [self._provider.issuer, *self._provider.keyring.addresses]

    async def by_headers(self, headers: Headers, *, from_proxy: bool) -> Identity:
        match _values(headers, b"authorization"):
            case []:
                raise Unauthenticated("Sign in: send a token in the header Authorization: Bearer.", has_token=False)
            case [value]:
                return self._provider.known(value) or await self._provider.identify(value.decode("latin-1"))
        raise Unauthenticated("The request has several Authorization headers. Send one.")

    async def by_token(self, authorization: str) -> Identity:
        return await self._provider.identify(authorization)


class ByProxy:
    """By a trusted proxy, which sends the user's name and roles in headers."""

    in_band = False
    addresses = ()

    def __init__(self, settings: Settings) -> None:
        self._user, self._roles = settings.proxy_user_header, settings.proxy_roles_header

    def knows(self, authorization: bytes) -> bool:
        return False

    async def by_headers(self, headers: Headers, *, from_proxy: bool) -> Identity:
        if not from_proxy:
            raise Unauthenticated(
                "Users sign in at the proxy in front of this service. Send the request there. If it came from the "
                "proxy, add the proxy's address to CONTACTS_TRUSTED_PROXIES.",
                has_token=False,
            )
        given = list(headers)
        if _values(given, b"authorization"):
            await self.by_token("")
        name = _text(self._single(given, self._user), _MAX_NAME)
        if not name:
            message = f"The proxy did not send the header {self._user} with a user's name."
            raise Unauthenticated(message, has_token=False)
        return Identity(name, name, "USER", highest(_text(self._single(given, self._roles), _MAX_ROLES)))

    async def by_token(self, authorization: str) -> Identity:
        raise Unauthenticated(
            "Users sign in at the proxy in front of this service (CONTACTS_AUTH=proxy), so the Authorization header "
            "is not checked here. Configure the proxy to remove it."
        )

    def _single(self, headers: Headers, name: str) -> bytes:
        """The value of a header. If the proxy forwards a second one, a user may have sent it."""
        values = _values(headers, name.lower().encode())
        if len(values) > 1:
            raise Unauthenticated(
                f"The request has several headers {name}. Configure the proxy to replace those that clients send."
            )
        return values[0] if values else b""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[SignIn]:
    """The configured way to sign in, until the block ends."""
    match settings.auth:
        case "none":
            yield NoSignIn()
        case "proxy":
            yield ByProxy(settings)
        case "oidc":
            async with oidc.opened(settings) as provider:
                yield ByToken(provider)


def _values(headers: Headers, name: bytes) -> Sequence[bytes]:
    return [value for key, value in headers if key == name]


def _text(value: bytes, limit: int) -> str:
    """The text of a header. Raises `Unauthenticated` if it is not one that a proxy sends."""
    try:
        text = value.decode().strip()
    except UnicodeDecodeError:
        text = value.decode("latin-1").strip()
    if len(text) > limit or not text.isprintable():
        raise Unauthenticated("The proxy sent a header with control characters, or one that is too long.")
    return text
