"""Checks the claims of a token: who issued it, for which service, and when it is valid."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from identity.syntax import Members, shown
from resolvers.errors import Unauthenticated

LEEWAY_SECONDS = 30
"""How far the clocks of the provider and of this machine may differ."""
# The end of the year 9999. Later times cannot be written as a date, and are mistakes such as milliseconds.
_LATEST = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Expected:
    """What tokens must say. `tenant`: the tenant of Microsoft Entra, None for other providers."""

    issuers: frozenset[str]
    audiences: tuple[str, ...]
    tenant: str | None


def check(claims: Members, expected: Expected, now: float) -> float:
    """When the token expires, in seconds since 1970. Raises `Unauthenticated` if a claim is not as it must be."""
    _check_issuer(claims, expected)
    _check_audience(claims.get("aud"), expected.audiences)
    return _check_times(claims, now)


def _check_issuer(claims: Members, expected: Expected) -> None:
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or issuer not in expected.issuers:
        accepted = " or ".join(sorted(expected.issuers))
        raise Unauthenticated(f"The token was issued by {shown(issuer)}, not by {accepted}. Sign in there.")
    if expected.tenant is not None and claims.get("tid") != expected.tenant:
        raise Unauthenticated(
            f"The token is from the tenant {shown(claims.get('tid'))}, not from {expected.tenant}. Sign in there."
        )


def _check_audience(found: object, accepted: tuple[str, ...]) -> None:
    named = [found] if isinstance(found, str) else found
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise Unauthenticated(f"The token names no audience. Request a token for {accepted[0]}.")
    if not set(accepted).intersection(named):
        raise Unauthenticated(
            f"The token is for the audience {shown(' '.join(named))}, not for this service ({' or '.join(accepted)}). "
            f"Request a token for {accepted[0]}."
        )


def _check_times(claims: Members, now: float) -> float:
    expires, not_before, issued = (_time(claims, name) for name in ("exp", "nbf", "iat"))
    if expires is None:
        raise Unauthenticated("The token never expires, which is not accepted. Request one that does.")
    if expires <= now - LEEWAY_SECONDS:
        raise Unauthenticated(f"The token expired at {_moment(expires)}. Sign in again.")
    latest = now + LEEWAY_SECONDS
    if not_before is not None and not_before > latest:
        raise Unauthenticated(
            f"The token is not valid before {_moment(not_before)}. Wait until then, or correct the provider's clock."
        )
    if issued is not None and issued > latest:
        raise Unauthenticated(
            f"The token was issued in the future, at {_moment(issued)}. Correct the clock of the provider or service."
        )
    return expires


def _time(claims: Members, name: str) -> float | None:
    """The time in a claim in seconds since 1970, None if there is no such claim."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise Unauthenticated(f"The token's {name} is not a time in seconds since 1970. Request another token.")
    return float(value)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(math.floor(seconds), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
