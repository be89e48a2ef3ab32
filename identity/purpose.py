"""Tells access tokens, which are for services, from all other tokens of a provider, which must not open anything here.

An ID token is signed by the same key and often names the same audience. The standard for access tokens (RFC 9068) marks
them as `at+jwt`. For providers that do not follow it, a token is one if it says which client may do what.
"""

from identity import entra
from identity.syntax import Members
from identity.token import Token
from resolvers.errors import Unauthenticated

_MARKED = ("at+jwt", "application/at+jwt")
_UNMARKED = ("jwt", "application/jwt")
# Only in ID tokens (OpenID Connect Core), logout tokens and security events (RFC 8417).
_NEVER = ("nonce", "at_hash", "c_hash", "s_hash", "events", "toe")
# One of these is in the access tokens of each provider, and in no ID token: scopes (RFC 8693, Entra, Okta), the client
# (RFC 8693, Okta, AD FS), the grant (Auth0), the kind (Cognito, Keycloak). `azp` is in ID tokens, too.
_TYPICAL = ("scope", "scp", "client_id", "cid", "appid", "gty", "token_use", "typ")


def check(token: Token, tenant: str | None) -> None:
    """Raise `Unauthenticated` unless this is an access token that works by itself."""
    kind = token.header.get("typ", "JWT")
    marked = isinstance(kind, str) and kind.lower() in _MARKED
    unmarked = isinstance(kind, str) and kind.lower() in _UNMARKED
    if not (marked or unmarked) or _is_something_else(token.claims):
        raise Unauthenticated(
            "The token is not an access token, but an ID token, refresh token or similar. Send the access token."
        )
    if not marked and not _is_typical(token.claims, tenant):
        raise Unauthenticated(
            "The token does not say that it is an access token. Send the access token, not the ID token. If it is one, "
            "let the provider add scopes, or the type at+jwt (RFC 9068)."
        )
    if "cnf" in token.claims:
        raise Unauthenticated(
            "The token is bound to a key of its client (cnf), which this service cannot check. Request a bearer token."
        )


def _is_something_else(claims: Members) -> bool:
    """Whether the claims are those of an ID token, a refresh token or a logout token."""
    return (
        any(name in claims for name in _NEVER)
        or claims.get("token_use", "access") != "access"  # Cognito: id
        or claims.get("typ", "Bearer") != "Bearer"  # Keycloak: ID, Refresh, Offline, Logout
    )


def _is_typical(claims: Members, tenant: str | None) -> bool:
    if tenant is not None:
        return bool(claims.get("azp") or claims.get("appid")) and bool(claims.get("scp") or entra.is_app_only(claims))
    return any(claims.get(name) for name in _TYPICAL)
