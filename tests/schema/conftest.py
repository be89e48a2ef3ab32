"""Fixtures for tests of the GraphQL schema. Each test runs twice: with the fast path and with graphql-core only."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from httpx import ASGITransport

from settings import Settings
from storage.driver import Database
from tests.support.configured import applied, listening
from tests.support.environment import DRIVER, HOST
from tests.support.graphql import GraphQL


@pytest.fixture(scope="session", params=["on", "off"], ids=["fast_path", "graphql_core"])
def settings(request: pytest.FixtureRequest, mongodb_uri: str, database_name: str) -> Settings:
    """The settings of the application under test, with and without the fast path."""
    return Settings(
        mongodb_uri=mongodb_uri,
        database=database_name,
        driver=DRIVER,
        allowed_hosts=(HOST,),
        fast_path=request.param,
    )


# These are not shared with the tests elsewhere, which would keep the application with their own settings in use.
@pytest.fixture(scope="session")
async def application(settings: Settings, prepared_db: Database) -> AsyncIterator[ASGITransport]:
    """The running application, called without a network connection."""
    async with applied(settings) as transport:
        yield transport


@pytest.fixture(scope="session")
def service_url(settings: Settings) -> Iterator[str]:
    """The base URL of a service that listens on a real port, for clients in other processes."""
    with listening(settings) as url:
        yield url


@pytest.fixture
def graphql(client: httpx.AsyncClient) -> GraphQL:
    """A GraphQL client of the application."""
    return GraphQL(client)
