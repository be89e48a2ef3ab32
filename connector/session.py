"""An async session with the first domain controller that answers, read page by page.

The LDAP library blocks, so it runs in its own thread. Only one page is prefetched while the previous one is processed,
so that a slow reader does not use more memory.
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
MAX_PAGE_SIZE = 1_000  # the limit of Windows
NARROW_FACTOR = (
    4  # pages of narrow entries are larger: the overhead of a page is as high as the cost of 80 such entries
)


class LdapSession:
    """A connection to the domain controller at `url`. Create it with `open_session`."""

    def __init__(self, url: str, access: Access, page_size: int) -> None:
        self.url, self._page_size, self._seconds = url, page_size, access.seconds
        self.ldap_seconds = 0.0  # the time spent on the server and the network so far, for the record of a run
        self._connection = LdapConnection(url, access)
        self._worker = Worker(f"ldap {url}")

    async def open(self) -> None:
        await self._finished(self._worker.submit(self._connection.open))

    def close(self) -> None:
        """Does not wait. A call that is stuck only blocks its own thread."""
        self._connection.given_up = True
        self._worker.submit(self._connection.close)
        self._worker.stop()

    async def root(self, *attributes: str) -> Attributes:
        """Attributes of the server's rootDSE. Raises DirectoryError."""
        return await self._finished(self._worker.submit(self._connection.root, *attributes))

    async def pages(self, search: Search, read: Callable[[Entry], T]) -> AsyncGenerator[list[T]]:
        """All matching objects, processed by `read` in the worker thread, page by page.

        Raises DirectoryError. Each page is complete, and so is the search when the iteration ends.
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
        size = min(NARROW_FACTOR * self._page_size, MAX_PAGE_SIZE) if search.narrow else self._page_size
        entries, cookie = self._connection.page(search, size, cookie)
        self.ldap_seconds += time.perf_counter() - started
        return [read(entry) for entry in entries], cookie

    async def _finished(self, future: Future[T]) -> T:
        """The result of a call in the worker. Raises TimedOut if its current operation is stuck.

        The library has its own timeout, which does not cover everything, such as names that do not resolve or a server
        that only sends a byte now and then. Such a call is abandoned, with its thread, after twice the timeout plus a
        second.
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

    Raises ExtraMissing, FileUnreadable, CredentialsRejected from the first server that raises it, or else the error of
    the only server, or one that lists the errors of all servers.
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
    """Why the next server should be tried, or None. Raises CredentialsRejected, as retries could lock the account."""
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
        return Unreachable("CONTACTS_AD_URLS is empty. Set it to the domain controllers to sync from.")
    kinds = {type(failure) for failure in failures}
    kind = kinds.pop() if len(kinds) == 1 else Unreachable
    return kind("None of the domain controllers can be used. " + " ".join(str(failure) for failure in failures))
