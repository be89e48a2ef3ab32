"""Which role a token grants."""

import re

from identity import entra
from identity.syntax import Members
from resolvers.caller import Role
from resolvers.errors import Unauthenticated

_ROLES = {role.claim: role for role in Role}


def role_of(claims: Members, path: str, tenant: str | None) -> Role | None:
    """The highest role in the claim at this path, None if there is none of ours.

    With Entra, an app that acts for a user may do what both of them may: its scopes limit the user's roles. Raises
    `Unauthenticated` if Entra left the roles out because the user is in too many groups.
    """
    granted = value_at(claims, path)
    if granted is None and entra.lacks_groups(claims):
        raise Unauthenticated(
            f"The token has no {path}, because you are in too many groups for Microsoft Entra to list. Ask an "
            f"administrator to assign app roles instead, or to emit only groups that are assigned to the application."
        )
    role = highest(granted)
    if tenant is None or entra.is_app_only(claims):
        return role
    scope = highest(claims.get("scp"))
    return None if role is None or scope is None else min(role, scope)


def value_at(claims: object, path: str) -> object:
    """The claim at a path, None if there is none. Names may contain dots themselves: `https://contacts.example/roles`."""
    if not isinstance(claims, dict):
        return None
    if path in claims:
        return claims[path]
    for dot in reversed([found.start() for found in re.finditer(r"\.", path)]):
        if (found := value_at(claims.get(path[:dot]), path[dot + 1 :])) is not None:
            return found
    return None


def highest(granted: object) -> Role | None:
    """The highest role in a list, or in a text with spaces or commas. Other values are ignored."""
    names = re.split(r"[\s,]+", granted) if isinstance(granted, str) else granted
    if not isinstance(names, list):
        return None
    return max((_ROLES[name] for name in names if isinstance(name, str) and name in _ROLES), default=None)
