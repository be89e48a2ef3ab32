"""Fixtures for all tests."""

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import hypothesis
import pytest
from httpx import ASGITransport

from resolvers import audit_log
from resolvers.caller import Caller, Role
from resolvers.imports import runner
from settings import Settings
from storage import migrations
from storage.changes import Author
from storage.documents import new_id
from storage.driver import Database, connect
from storage.embedded.mongod import embedded
from tests.support.configured import applied, listening
from tests.support.environment import DRIVER, HOST

# On a busy machine, the duration of an example, or of generating it, means nothing.
hypothesis.settings.register_profile("tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("tests")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI, where everything the tests need is installed, a skipped test fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")  # xdist's worker processes have none
    if os.environ.get("CI") == "true" and reporter and "skipped" in reporter.stats:
        reporter.write_line("")
        reporter.write_line("CI=true, and tests were skipped: install what they need.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def untouched_imports() -> Iterator[None]:
    """Keep services in this process from taking up the imports of tests that have them run by hand.

    They look for imports that nobody works on when they start, and not again.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "_WATCH_SECONDS", 1_000_000)
        yield


@pytest.fixture(scope="session")
def mongodb_uri() -> Iterator[str]:
    """The URI of the MongoDB to test with: CONTACTS_TEST_MONGODB_URI, or an embedded server for the session."""
    if given := os.environ.get("CONTACTS_TEST_MONGODB_URI"):
        yield given
        return
    with (
        TemporaryDirectory(prefix="contacts-test-") as caller,
        embedded(Path(caller), exclusive=True, cache_gb=0.25) as uri,
    ):
        yield uri


@pytest.fixture(scope="session")
def database_name() -> str:
    """The name of the database of this test process."""
    return f"test-{new_id()}"


@pytest.fixture(scope="session")
async def prepared_db(mongodb_uri: str, database_name: str) -> AsyncIterator[Database]:
    """The session's database with its collections and indexes. It is dropped at the end."""
    db = connect(mongodb_uri, database_name, DRIVER)
    await migrations.prepare(db)
    yield db
    await db.drop()
    await db.close()


@pytest.fixture
async def db(prepared_db: Database) -> AsyncIterator[Database]:
    """The database, emptied after the test."""
    yield prepared_db
    audit_log._known.clear()  # names that the database is about to lose
    for name in await prepared_db.mongo.list_collection_names(filter={"name": {"$nin": ["statistics", "state"]}}):
        await prepared_db.mongo[name].delete_many({})
    await prepared_db.statistics.update_many({}, [{"$replaceWith": {"_id": "$_id"}}])
    await prepared_db.state.delete_many({"_id": {"$ne": "schema"}})


@pytest.fixture
async def brief_transactions(db: Database) -> AsyncIterator[None]:
    """Let the server abort the transactions of killed processes within seconds, not after more than a minute."""
    admin = db.mongo.client.admin
    before = (await admin.command("setParameter", 1, transactionLifetimeLimitSeconds=5))["was"]
    yield
    await admin.command("setParameter", 1, transactionLifetimeLimitSeconds=before)


@pytest.fixture
def caller(db: Database) -> Caller:
    """A tester who calls through GraphQL."""
    return Caller(db, Author("tester", "graphql", "tester-id"), Role.ADMIN)


@pytest.fixture
def sync_caller(db: Database) -> Caller:
    """The sync, the only caller that may write synced contacts."""
    return Caller(db, Author("Active Directory", "sync"), Role.ADMIN)


@pytest.fixture(scope="session")
def settings(mongodb_uri: str, database_name: str) -> Settings:
    """The settings of the application under test."""
    return Settings(mongodb_uri=mongodb_uri, database=database_name, driver=DRIVER, allowed_hosts=(HOST,))


@pytest.fixture(scope="session")
async def application(settings: Settings, prepared_db: Database) -> AsyncIterator[ASGITransport]:
    """The running application, called without a network connection."""
    async with applied(settings) as transport:
        yield transport


@pytest.fixture
async def client(application: ASGITransport, db: Database) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the application."""
    async with httpx.AsyncClient(transport=application, base_url=f"http://{HOST}") as client:
        yield client


@pytest.fixture(scope="session")
def service_url(settings: Settings) -> Iterator[str]:
    """The base URL of a service that listens on a real port, for clients in other processes."""
    with listening(settings) as url:
        yield url


@pytest.fixture
async def abandoned_sockets() -> AsyncIterator[None]:
    """For tests that close PyMongo's async client while it connects, which abandons the socket.

    Python closes such sockets during garbage collection, with a warning. To keep that out of other tests, a test that
    uses this collects garbage when it ends, and ignores the warning.
    """
    before = asyncio.all_tasks()
    yield
    if others := asyncio.all_tasks() - before - {asyncio.current_task()}:
        await asyncio.wait(others, timeout=10)  # until canceled tasks have ended; failed tests cancel nothing
    await asyncio.sleep(0.1)  # until their connections are closed
    gc.collect()


@pytest.fixture
def untraced() -> Iterator[None]:
    """For tests that count or time what Python does: turns off tracers, such as coverage or a debugger."""
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)
