"""The provider's keys in this process: fetched in the background, and at once when a token names an unknown key."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog

from identity.documents import Published
from identity.errors import DocumentUnusable, ProviderUnavailable
from identity.keys import Key

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pace:
    """How many seconds lie between two fetches: normally, after a failed one, and when tokens name unknown keys."""

    normal: float = 600
    failed: float = 10
    unknown: float = 60


USUAL = Pace()


class Keyring:
    """Keys that are renewed. A failed fetch keeps the keys that are here; one that succeeds replaces all of them.

    `on_change` is called when the keys have changed, before anyone sees the new ones.
    """

    def __init__(self, fetch: Callable[[], Awaitable[Published]], on_change: Callable[[], None], pace: Pace) -> None:
        self._fetch = fetch
        self._on_change = on_change
        self._pace = pace
        self._published: Published | None = None
        self._failure = "the keys have not arrived yet"
        self._has_failed = False
        self._fetching: asyncio.Task[None] | None = None
        self._last_for_unknown = -math.inf

    @asynccontextmanager
    async def renewed(self) -> AsyncIterator[None]:
        """Renew the keys in the background until the end of the block. The first fetch begins at once."""
        self._fetched()
        task = asyncio.create_task(self._renew_regularly())
        try:
            yield
        finally:
            for each in (task, self._fetching):
                if each is not None:
                    each.cancel()
                    with suppress(asyncio.CancelledError):
                        await each

    @property
    def addresses(self) -> list[str]:
        """The provider's addresses that are known so far."""
        if self._published is None:
            return []
        found = self._published.metadata
        return [each for each in (found.token_endpoint, found.end_session_endpoint) if each]

    async def published(self) -> Published:
        """What the provider has published. Raises `ProviderUnavailable` if nothing has arrived yet."""
        if self._published is None and (fetch := self._fetch_for_unknown()):
            await asyncio.wait([fetch])
        if self._published is None:
            raise ProviderUnavailable(self._failure)
        return self._published

    async def candidates(self, key_id: str | None) -> tuple[Key, ...]:
        """The keys with this ID, or all keys for None. Empty if the provider does not list it.

        An unknown ID is looked up at the provider. However many unknown ones there are, that happens once a minute,
        and all who wait share the answer. Raises `ProviderUnavailable` if no keys have ever arrived.
        """
        found = (await self.published()).keys.candidates(key_id)
        for _ in range(2):  # a fetch under way may have begun before the key was published
            if found or not (fetch := self._fetch_for_unknown()):
                break
            # Not awaited itself: a request that is canceled would cancel it for all others.
            await asyncio.wait([fetch])
            found = (await self.published()).keys.candidates(key_id)
        return found

    def _fetch_for_unknown(self) -> asyncio.Task[None] | None:
        """The fetch under way, or a new one if that is allowed again."""
        if not self._is_fetching():
            now = asyncio.get_running_loop().time()
            if now < self._last_for_unknown + self._pace.unknown:
                return None
            self._last_for_unknown = now
        return self._fetched()

    def _is_fetching(self) -> bool:
        return self._fetching is not None and not self._fetching.done()

    def _fetched(self) -> asyncio.Task[None]:
        """The fetch under way, or a new one."""
        if self._fetching is None or self._fetching.done():  # as in _is_fetching, which mypy cannot see
            self._fetching = asyncio.create_task(self._renew())
        return self._fetching

    async def _renew_regularly(self) -> None:
        while True:
            await asyncio.wait([self._fetched()])
            await asyncio.sleep(self._pace.failed if self._has_failed else self._pace.normal)

    async def _renew(self) -> None:
        try:
            published = await self._fetch()
        except DocumentUnusable as error:
            self._fail(str(error))
        except Exception:
            log.exception("keys of the provider could not be fetched")
            self._fail("the keys could not be fetched")
        else:
            self._has_failed = False
            self._replace(published)

    def _fail(self, reason: str) -> None:
        self._failure = reason
        self._has_failed = True
        log.warning("keys of the provider not renewed", reason=reason, known_keys=self._published is not None)

    def _replace(self, published: Published) -> None:
        before, self._published = self._published, published
        if before is not None and before.keys == published.keys:
            return
        self._on_change()
        ids = [key.id for key in published.keys.keys]
        log.info("keys of the provider", issuer=published.metadata.issuer, keys=ids, ignored=published.keys.ignored)
        if not ids:
            log.warning("the provider lists no keys that can sign tokens, so nobody can sign in. Check the provider.")
