"""Fixtures for the tests of tokens."""

from collections.abc import AsyncIterator, Iterator

import pytest

from identity import documents, oidc
from identity.oidc import Provider, opened
from tests.support import waiting
from tests.support.simulated_providers import Kind, Providers, providers


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """However busy the machine is, providers have time to answer."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (documents, oidc):
            patch.setattr(module, "_TIMEOUT_SECONDS", waiting.SECONDS)
        yield


@pytest.fixture(scope="session")
def shared_providers() -> Iterator[Providers]:
    """Providers whose keys no test changes."""
    with providers() as running:
        yield running


@pytest.fixture
def own_providers() -> Iterator[Providers]:
    """Providers of one test."""
    with providers() as running:
        yield running


@pytest.fixture(scope="session", params=["plain", "entra"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """The kind of provider: a test that uses this runs with each of them."""
    kind: Kind = request.param
    return kind


@pytest.fixture(scope="session")
async def provider(shared_providers: Providers, kind: Kind) -> AsyncIterator[Provider]:
    """What verifies the tokens of the shared provider of this kind."""
    async with opened(shared_providers.of(kind).settings()) as provider:
        yield provider
