"""Who a verified token stands for."""

from typing import Literal

from identity import entra
from identity.syntax import Members
from resolvers.caller import Identity, Role
from resolvers.errors import Unauthenticated

# OpenID Connect Core, section 2.
_LONGEST_ID = 255
_LONGEST_NAME = 256
_CLIENT = ("client_id", "azp", "appid", "cid")
_NAMES = ("preferred_username", "upn", "unique_name", "email", "name", "app_displayname")
# They join and separate letters in names of several scripts, and change nothing else.
_JOINERS = "\u200c\u200d"


def identity_of(claims: Members, role: Role | None, tenant: str | None, expires_at: float) -> Identity:
    """The person or app. Raises `Unauthenticated` if the token does not say who it is."""
    identifier = claims.get("sub" if tenant is None else "oid")
    if not isinstance(identifier, str) or not 0 < len(identifier) <= _LONGEST_ID or not identifier.isprintable():
        raise Unauthenticated("The token does not say who it was issued to. Request another token.")
    return Identity(identifier, _name(claims) or identifier, _kind(claims, tenant), role, expires_at)


def _kind(claims: Members, tenant: str | None) -> Literal["USER", "APP"]:
    """Whether an app signed in for itself (the client credentials grant)."""
    if tenant is not None:
        return "APP" if entra.is_app_only(claims) else "USER"
    clients = [claims.get(name) for name in _CLIENT]
    is_app = (
        claims.get("sub") in clients
        or claims.get("gty") == "client-credentials"  # Auth0
        or claims.get("preferred_username") in [f"service-account-{each}".lower() for each in clients]  # Keycloak
    )
    return "APP" if is_app else "USER"


def _name(claims: Members) -> str:
    """The first name that is there, empty if there is none."""
    return next((name for each in (*_NAMES, *_CLIENT) if (name := _clean(claims.get(each)))), "")


def _clean(name: object) -> str:
    """A name in one line, without control characters and such as reverse the direction of what follows."""
    if not isinstance(name, str):
        return ""
    line = " ".join(name.split())
    return "".join(each for each in line if each.isprintable() or each in _JOINERS)[:_LONGEST_NAME].strip()
