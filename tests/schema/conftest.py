"""What the tests of the GraphQL schema share. Each runs twice: on the fast path, and on graphql-core alone."""

import httpx
import pytest

from settings import Settings
from tests.support.environment import DRIVER, HOST
from tests.support.graphql import GraphQL


@pytest.fixture(scope="session", params=["on", "off"], ids=["fast_path", "graphql_core"])
def settings(request: pytest.FixtureRequest, mongodb_uri: str, database_name: str) -> Settings:
    """The settings of the application under test, with the fast path and without."""
    return Settings(
        mongodb_uri=mongodb_uri,
        database=database_name,
        driver=DRIVER,
        allowed_hosts=(HOST,),
        fast_path=request.param,
    )


@pytest.fixture
def graphql(client: httpx.AsyncClient) -> GraphQL:
    """A GraphQL client of the application."""
    return GraphQL(client)
