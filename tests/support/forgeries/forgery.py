"""What a forgery is, and how most of them are made: a good token with one thing wrong."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.support.signing import compact
from tests.support.simulated_providers import Issuer, Kind, Providers

Make = Callable[[Issuer, Providers], str]
BOTH: tuple[Kind, ...] = ("plain", "entra")


@dataclass(frozen=True)
class Forgery:
    """A token that must be refused. `make` returns the value of the `Authorization` header.

    `is_huge`: larger than any HTTP header may be, so that it can only be sent in a WebSocket.
    `is_signed_in`: whether the header has a token at all; if not, the answer is that of a request without one.
    """

    name: str
    because: str
    make: Make
    kinds: tuple[Kind, ...] = BOTH
    kind: Kind = "plain"
    is_huge: bool = False
    has_token: bool = True

    def at(self, kind: Kind) -> "Forgery":
        """The same for one kind of provider."""
        return replace(self, kind=kind)

    def authorization(self, providers: Providers) -> str:
        """The header's value for the provider that is meant."""
        return self.make(providers.of(self.kind), providers)

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def with_claims(name: str, because: str, kinds: tuple[Kind, ...] = BOTH, **changes: Any) -> Forgery:
    """A signed token with other claims. None leaves a claim out."""
    return Forgery(name, because, lambda issuer, _: issuer.bearer(issuer.user(**changes)), kinds)


def with_header(name: str, because: str, **changes: Any) -> Forgery:
    """A signed token with another header. None leaves a member out."""
    return Forgery(name, because, lambda issuer, _: issuer.bearer(**changes))


def with_authorization(name: str, because: str, change: Callable[[str], str], *, has_token: bool = True) -> Forgery:
    """A good header value, changed as a text."""
    return Forgery(name, because, lambda issuer, _: change(issuer.bearer()), has_token=has_token)


def with_parts(name: str, because: str, change: Callable[[list[str]], list[str]]) -> Forgery:
    """A good token with its parts changed: header, claims and signature, in base64url."""
    return with_authorization(name, because, lambda good: "Bearer " + ".".join(change(good[7:].split("."))))


def with_payload(name: str, because: str, change: Callable[[dict[str, Any]], str | bytes]) -> Forgery:
    """A signed token whose claims are this text, or these bytes."""
    return Forgery(name, because, lambda issuer, _: f"Bearer {issuer.keys[-1].token(change(issuer.user()))}")


def unsigned(name: str, because: str, signature: bytes = b"", **header: Any) -> Forgery:
    """A token with this signature."""
    return Forgery(
        name,
        because,
        lambda issuer, _: (
            f"Bearer {compact({'kid': issuer.keys[-1].id, 'typ': 'JWT'} | header, issuer.user(), signature)}"
        ),
    )
