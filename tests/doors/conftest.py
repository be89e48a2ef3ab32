"""A service with sign-in, on a real port, and the tokens of people with each role."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from uvicorn import Server

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
async def secured_service(secured_settings: Settings, prepared_db: Database) -> AsyncIterator[tuple[Server, str]]:
    """The service and its URL."""
    async with served(secured_settings) as found:
        yield found


@pytest.fixture(scope="session")
def secured_url(secured_service: tuple[Server, str]) -> str:
    """The URL of the service."""
    return secured_service[1]


@pytest.fixture(autouse=True)
async def nothing_uncounted(secured_service: tuple[Server, str], db: Database) -> AsyncIterator[None]:
    """Refused sign-ins of a test are stored at its end, not during a later one."""
    yield
    await secured_service[0].lifespan.state["failures"].flush()


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
