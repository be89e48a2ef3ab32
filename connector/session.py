"""The asynchronous half: a session with whichever domain controller answers first, read page by page.

The LDAP library blocks, so it has a thread of its own. A page is fetched while the one before it is being used, and
no further: a reader that stops for a while makes the server wait, not memory grow.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import TypeVar

from connector.access import Access
from connector.connection import LdapConnection, Search
from connector.entry import Attributes, Entry
from connector.errors import CredentialsRejected, DirectoryError, Unreachable
from connector.failures import timed_out
from connector.worker import Worker
from settings import Settings

T = TypeVar("T")
MOST = 1_000  # entries a page that Windows gives
NARROW = 4  # times as many where they are small: each page costs the server as much again as 80 such entries


class LdapSession:
    """A connection to the domain controller at `url`. Made by `open_session`."""

    def __init__(self, url: str, access: Access, page_size: int) -> None:
        self.url, self._page_size, self._seconds = url, page_size, access.seconds
        self.ldap_seconds = 0.0  # what the server and the network took so far, for the record of a cycle
        self._connection = LdapConnection(url, access)
        self._worker = Worker(f"ldap {url}")

    async def open(self) -> None:
        await self._finished(self._worker.submit(self._connection.open))

    def close(self) -> None:
        """Does not wait: a call that is stuck keeps only its own thread."""
        self._connection.given_up = True
        self._worker.submit(self._connection.close)
        self._worker.stop()

    async def root(self, *attributes: str) -> Attributes:
        """Attributes of the server's rootDSE. Raises DirectoryError."""
        return await self._finished(self._worker.submit(self._connection.root, *attributes))

    async def pages(self, search: Search, read: Callable[[Entry], T]) -> AsyncGenerator[list[T]]:
        """Every matching object, passed through `read` in the worker thread, one page after the other.

        Raises DirectoryError; a page that was yielded is whole, and the search is whole when the iteration ends.
        """
        following: Future[tuple[list[T], bytes]] | None = self._worker.submit(self._page, search, b"", read)
        try:
            while following is not None:
                rows, cookie = await self._finished(following)
                following = self._worker.submit(self._page, search, cookie, read) if cookie else None
                yield rows
        finally:
            if following is not None:
                following.cancel()

    def _page(self, search: Search, cookie: bytes, read: Callable[[Entry], T]) -> tuple[list[T], bytes]:
        started = time.perf_counter()
        size = min(NARROW * self._page_size, MOST) if search.narrow else self._page_size
        entries, cookie = self._connection.page(search, size, cookie)
        self.ldap_seconds += time.perf_counter() - started
        return [read(entry) for entry in entries], cookie

    async def _finished(self, future: Future[T]) -> T:
        """The result of a call in the worker; raises TimedOut when its current step is stuck.

        The library keeps its own time, save where it cannot: names that do not resolve, a server that sends one
        byte now and then. Such a call is given up, its thread left behind, after twice the time and a second.
        """
        waiting, started = asyncio.wrap_future(future), time.monotonic()
        try:
            while not waiting.done():
                begun = max(self._connection.beat, started)
                left = begun + 2 * self._seconds + 1 - time.monotonic()
                if left <= 0:
                    raise timed_out(self.url, self._seconds)
                await asyncio.wait([waiting], timeout=left)
            return waiting.result()
        finally:
            waiting.cancel()


@asynccontextmanager
async def open_session(settings: Settings) -> AsyncIterator[LdapSession]:
    """A session with the first of CONTACTS_AD_URLS that answers.

    Raises ExtraMissing, FileUnreadable; CredentialsRejected at the first server that says so; else the failure of
    the only server, or one that lists those of all.
    """
    access = Access.from_settings(settings)
    failures: list[DirectoryError] = []
    for url in settings.ad_urls:
        session = LdapSession(url, access, settings.ad_page_size)
        try:
            if failure := await failure_to_open(session):
                failures.append(failure)
                continue
            yield session
            return
        finally:
            session.close()
    raise all_failed(failures)


async def failure_to_open(session: LdapSession) -> DirectoryError | None:
    """Why another server should be tried, if so; a refused account is raised, lest trying on locks it."""
    try:
        await session.open()
    except CredentialsRejected:
        raise
    except DirectoryError as error:
        return error
    return None


def all_failed(failures: Sequence[DirectoryError]) -> DirectoryError:
    if len(failures) == 1:
        return failures[0]
    if not failures:
        return Unreachable("CONTACTS_AD_URLS names no domain controller.")
    kinds = {type(failure) for failure in failures}
    kind = kinds.pop() if len(kinds) == 1 else Unreachable
    return kind("No domain controller can be used. " + " ".join(str(failure) for failure in failures))
