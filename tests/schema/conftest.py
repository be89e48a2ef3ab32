"""Fixtures for tests of the GraphQL schema. Each test runs twice: with the fast path and with graphql-core only."""

import httpx
import pytest

from settings import Settings
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


@pytest.fixture
def graphql(client: httpx.AsyncClient) -> GraphQL:
    """A GraphQL client of the application."""
    return GraphQL(client)
