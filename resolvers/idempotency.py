"""Idempotency keys: a client that repeats a request with its key gets the first result, and nothing is done twice.

The result is stored in the transaction of the change, for 24 hours, and belongs to the caller. A request that was
refused or failed has changed nothing: its key is free again at once, also for another request. After the process of a
request died, its key is free after a minute, unless the change was made.
"""

import hashlib
import re
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from resolvers.caller import Caller, Claim
from resolvers.errors import IdempotencyKeyInUse, IdempotencyKeyInvalid, IdempotencyKeyReused
from storage.documents import Document
from storage.driver import Session, Unavailable
from storage.lease import Lease, LeaseLost, keep
from storage.requests import idempotency

MAX_LENGTH = 255
_KEY = re.compile(rf"[\x20-\x7e]{{1,{MAX_LENGTH}}}")

P = ParamSpec("P")
R = TypeVar("R")

Fingerprint = Callable[[], Awaitable[str]]
# Turns a stored result into what the resolver returned. Any: each resolver stores what it needs.
Recall = Callable[[Caller, Any], Awaitable[R]]
_Resolver = Callable[Concatenate[Caller, P], Coroutine[Any, Any, R]]


def keyed(caller: Caller, key: str | None) -> Caller:
    """The caller with the idempotency key of the request, if it has one. Raises `IdempotencyKeyInvalid`."""
    if key is None:
        return caller
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyInvalid(
            f"An idempotency key has 1 to {MAX_LENGTH} printable ASCII characters, such as a UUID. Send one of these, "
            "or none."
        )
    return replace(caller, key=key)


def idempotent(resolver: _Resolver[P, R]) -> _Resolver[P, R]:
    """Make a resolver return the first result when a request is repeated with its key, and do nothing then.

    The resolver must call `complete` with its result in the transaction of its change. The action and the arguments,
    which must have a meaningful `repr`, tell requests apart. Raises `IdempotencyKeyInUse`, `IdempotencyKeyReused`.
    """
    return recalling(_as_stored)(resolver)


def recalling(recall: Recall[R]) -> Callable[[_Resolver[P, R]], _Resolver[P, R]]:
    """Like `idempotent`, for a resolver that stores something else than its result. `recall` makes the result of it."""

    def wrapping(resolver: _Resolver[P, R]) -> _Resolver[P, R]:
        @wraps(resolver)
        async def repeatable(caller: Caller, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if caller.key is None or caller.claim is not None:
                return await resolver(caller, *args, **kwargs)

            async def fingerprint() -> str:
                return digest(caller.action, args, kwargs)

            return await once(caller, fingerprint, lambda claimed: resolver(claimed, *args, **kwargs), recall)

        return repeatable

    return wrapping


async def once(caller: Caller, fingerprint: Fingerprint, run: Callable[[Caller], Awaitable[R]], recall: Recall[R]) -> R:
    """What `recalling` does, for a resolver whose arguments do not tell requests apart."""
    if caller.key is None or caller.claim is not None:
        return await run(caller)
    match await idempotency.claim(caller.db, caller.author.id, caller.key):
        case Lease() as lease:
            return await _first(lease, run(replace(caller, claim=Claim(lease, fingerprint))))
        case idempotency.Completed() as completed:
            if completed.fingerprint != await fingerprint():
                raise IdempotencyKeyReused
            return await recall(caller, completed.result)
        case _:
            raise IdempotencyKeyInUse


async def complete(caller: Caller, result: object, session: Session) -> None:
    """Store the result of the caller's request in the transaction of its change, if it has a key.

    The result must consist of what BSON can store.
    """
    if (claim := caller.claim) is not None:
        await idempotency.complete(claim.lease, await claim.fingerprint(), result, session)


def completing(caller: Caller, result: Callable[[], object]) -> Callable[[Session], Awaitable[None]]:
    """`complete` as what `commit` also writes. `result` is called when the change has been written."""

    async def also(session: Session) -> None:
        await complete(caller, result(), session)

    return also


def plain(document: Document) -> Document:
    """A contact or group as a result: without what it is found by, which nothing shows."""
    return {name: value for name, value in document.items() if name != "keys"}


def digest(*parts: object) -> str:
    """A fingerprint of these values."""
    return hashlib.blake2b(repr(parts).encode(errors="backslashreplace"), digest_size=24).hexdigest()


class Hashed:
    """The same pieces of a file, and a hash of those that were read."""

    def __init__(self, pieces: AsyncIterable[bytes]) -> None:
        self._pieces = aiter(pieces)
        self._hash = hashlib.blake2b(digest_size=24)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await anext(self._pieces)
        self._hash.update(piece)
        return piece

    async def whole(self) -> str:
        """The hash of the whole file, whose remaining pieces are read and dropped."""
        async for _ in self:
            pass
        return self._hash.hexdigest()


async def _first(lease: Lease, running: Awaitable[R]) -> R:
    """Run a request while its key is in use. Free the key if it fails."""
    try:
        async with keep(lease):
            return await running
    except BaseException as error:
        with suppress(*Unavailable):  # then it is free after a minute
            await idempotency.free(lease)
        if isinstance(error, LeaseLost):  # this process was halted, and someone else is making the request
            raise IdempotencyKeyInUse from error
        raise


async def _as_stored(caller: Caller, result: Any) -> Any:
    return result
