"""What a caller may still spend, in the headers of answers (draft-ietf-httpapi-ratelimit-headers-10)."""

from starlette.types import Message, Send

from resolvers.rate_limits import RateLimit


def with_allowance(send: Send, limit: RateLimit, caller: str) -> Send:
    """Adds the headers to an answer."""

    async def send_with_allowance(message: Message) -> None:
        if message["type"] == "http.response.start":
            has = limit.allowance(caller)
            policy = b'"cost";q=%d;w=%d' % (has.limit, has.window_seconds)
            current = b'"cost";r=%d;t=%d' % (has.left, has.seconds)
            added = [(b"ratelimit-policy", policy), (b"ratelimit", current)]
            message["headers"] = [*message.get("headers", ()), *added]
        await send(message)

    return send_with_allowance
