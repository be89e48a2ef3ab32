"""The argument `idempotencyKey` of the mutations."""

from typing import Annotated

import strawberry

from resolvers.caller import Caller
from resolvers.idempotency import keyed
from schema.context import Info

IdempotencyKey = Annotated[
    str | None,
    strawberry.argument(
        description="Makes a retry safe: within 24 hours, the same mutation with the same key returns the first result "
        "and changes nothing. A text of your choice, such as a UUID: 1 to 255 printable ASCII characters."
    ),
]


def caller(info: Info, key: str | None) -> Caller:
    """Who calls, with the idempotency key of the mutation. Raises `IdempotencyKeyInvalid`."""
    return keyed(info.context.caller, key)
