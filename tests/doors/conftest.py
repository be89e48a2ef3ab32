"""A service with sign-in, on a real port, and the tokens of people with each role."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from resolvers.caller import Role
from settings import Settings
from storage.driver import Database
from tests.support import waiting
from tests.support.doors import Authorize
from tests.support.service import served
from tests.support.simulated_providers import ROLES, Providers, providers


@pytest.fixture(scope="session")
def trusted_providers() -> Iterator[Providers]:
    """The identity provider of the service."""
    with providers() as running:
        yield running


@pytest.fixture(scope="session")
def secured_settings(settings: Settings, trusted_providers: Providers) -> Settings:
    """The settings of a service with sign-in."""
    changes = settings.model_dump(include={"mongodb_uri", "database", "driver", "allowed_hosts"})
    return trusted_providers.plain.settings(**changes)


@pytest.fixture(scope="session")
async def secured_url(secured_settings: Settings, prepared_db: Database) -> AsyncIterator[str]:
    """The URL of the service."""
    async with served(secured_settings) as (_, url):
        yield url


@pytest.fixture
async def secured(secured_url: str, db: Database) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the service, without a token."""
    async with httpx.AsyncClient(base_url=secured_url, timeout=waiting.SECONDS) as client:
        yield client


@pytest.fixture(scope="session")
def authorize(trusted_providers: Providers) -> Authorize:
    """Signs someone in with a role."""
    issuer = trusted_providers.plain

    def authorization(role: Role | None) -> str:
        name = role.name.lower() if role else "nobody"
        roles = [ROLES[role.name]] if role else ["Something.Else"]
        return issuer.bearer(issuer.user(sub=f"id-of-{name}", preferred_username=name, roles=roles))

    return authorization
