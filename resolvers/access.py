"""Who may do what: each resolver that changes, exports or administers names the role that it requires."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from resolvers.caller import Action, Caller, Role
from resolvers.errors import Forbidden

P = ParamSpec("P")
R = TypeVar("R")

_Resolver = Callable[Concatenate[Caller, P], R]


def requires(role: Role, action: Action) -> Callable[[_Resolver[P, R]], _Resolver[P, R]]:
    """Refuse callers without this role, and name the action for the audit log. Raises `Forbidden`.

    Reading requires the role READER, without which nobody becomes a `Caller`.
    """

    def guarding(resolver: _Resolver[P, R]) -> _Resolver[P, R]:
        @wraps(resolver)
        def guarded(caller: Caller, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if caller.role < role:
                raise Forbidden(
                    f"This requires the role {role.claim}, and yours is {caller.role.claim}. Ask an administrator to "
                    "assign it to you, then sign in again.",
                    action,
                )
            return resolver(replace(caller, action=action), *args, **kwargs)

        return guarded

    return guarding
