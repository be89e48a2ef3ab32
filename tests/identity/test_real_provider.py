"""Tokens of a real provider."""

from collections.abc import Iterator

import pytest

from identity.oidc import opened
from resolvers.caller import Role
from resolvers.errors import Unauthenticated
from settings import Settings
from tests.support import waiting
from tests.support.provider import Provider, provider, signing_in
from tests.support.simulated_providers import ALWAYS, ON_DEMAND

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def issuing() -> Iterator[Provider]:
    with provider() as running:
        yield running


@pytest.fixture
def trusting(issuing: Provider) -> Settings:
    """Settings of a service that takes the provider's tokens."""
    return signing_in(Settings(), issuing.issuer)


@pytest.mark.parametrize(
    ("person", "role"), [("rita", Role.READER), ("ed", Role.EDITOR), ("ada", Role.ADMIN), ("nora", None)]
)
async def test_people(issuing: Provider, trusting: Settings, person: str, role: Role | None) -> None:
    """People are identified by their access tokens; their ID and refresh tokens are refused."""
    tokens = issuing.sign_in(person)
    async with opened(trusting, ON_DEMAND) as verifying:
        found = await verifying.identify(f"Bearer {tokens.access}")
        assert (found.id, found.kind, found.role) == (person, "USER", role)
        for other in (tokens.identity, tokens.refresh):
            with pytest.raises(Unauthenticated):
                await verifying.identify(f"Bearer {other}")


@pytest.mark.parametrize(
    ("app", "role"), [("reader-app", Role.READER), ("editor-app", Role.EDITOR), ("plain-app", None)]
)
async def test_apps(issuing: Provider, trusting: Settings, app: str, role: Role | None) -> None:
    """Apps are identified by the tokens of their client credentials."""
    async with opened(trusting, ON_DEMAND) as verifying:
        found = await verifying.identify(f"Bearer {issuing.app_token(app)}")
        assert (found.id, found.kind, found.role) == (app, "APP", role)


async def test_other_tokens(issuing: Provider, trusting: Settings) -> None:
    """Tokens that are expired or for others are refused."""
    async with opened(trusting, ON_DEMAND) as verifying:
        with pytest.raises(Unauthenticated, match="expired at"):
            await verifying.identify(f"Bearer {issuing.app_token('admin-app', seconds=-600)}")
        with pytest.raises(Unauthenticated, match="for the audience api://other, not for this service"):
            await verifying.identify(f"Bearer {issuing.app_token('admin-app', audience='api://other')}")


async def test_keys(issuing: Provider, trusting: Settings) -> None:
    """A new key is accepted without a failed request, and a revoked one is refused."""
    async with opened(trusting, ON_DEMAND) as verifying:
        old = f"Bearer {issuing.app_token('admin-app')}"
        await verifying.identify(old)
        issuing.replace_keys()
        for each in (f"Bearer {issuing.app_token('admin-app')}", old):
            assert (await verifying.identify(each)).role is Role.ADMIN
    async with opened(trusting, ALWAYS) as verifying:
        assert (await verifying.identify(old)).role is Role.ADMIN
        issuing.replace_keys(keep_old=False)
        await waiting.reached(lambda: verifying.known(old.encode()) is None)
        with pytest.raises(Unauthenticated, match="does not list"):
            await verifying.identify(old)
