"""What a caller may still spend, in the headers of answers (draft-ietf-httpapi-ratelimit-headers-10)."""

import math
from functools import lru_cache

from starlette.types import Message, Send

from resolvers.rate_limits import RateLimit
from storage.requests.budgets import Budget


def with_allowance(send: Send, limit: RateLimit, caller: str) -> Send:
    """Adds the headers to an answer."""

    async def send_with_allowance(message: Message) -> None:
        if message["type"] == "http.response.start":
            budget, left = limit.budget, limit.left(caller)
            missing = (budget.capacity - left) / budget.per_second
            current = b'"cost";r=%d;t=%d' % (left, max(0.0, missing + 0.999))
            message["headers"] = [*message["headers"], _policy(budget), (b"ratelimit", current)]
        await send(message)

    return send_with_allowance


@lru_cache(maxsize=8)
def _policy(budget: Budget) -> tuple[bytes, bytes]:
    """The header about the limit itself."""
    window = math.ceil(budget.capacity / budget.per_second)
    return b"ratelimit-policy", b'"cost";q=%d;w=%d' % (budget.capacity, window)
