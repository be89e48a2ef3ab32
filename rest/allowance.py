"""What a caller may still spend, in the headers of answers (draft-ietf-httpapi-ratelimit-headers-10)."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from resolvers.rate_limits import RateLimit
from storage.requests.budgets import Budget


# Any: the state contains whatever the application and its middleware put there.
def allowance(state: Mapping[str, Any]) -> Sequence[tuple[bytes, bytes]]:
    """The headers of an answer, none if there is no limit or the sender is unknown."""
    limit: RateLimit | None = state["rate_limit"]
    if limit is None or "payer" not in state:
        return ()
    budget, left = limit.budget, limit.left(state["payer"])
    seconds = math.ceil((budget.capacity - left) / budget.per_second)
    return _policy(budget), (b"ratelimit", b'"cost";r=%d;t=%d' % (left, seconds))


@lru_cache(maxsize=8)
def _policy(budget: Budget) -> tuple[bytes, bytes]:
    """The header about the limit itself."""
    window = math.ceil(budget.capacity / budget.per_second)
    return b"ratelimit-policy", b'"cost";q=%d;w=%d' % (budget.capacity, window)
