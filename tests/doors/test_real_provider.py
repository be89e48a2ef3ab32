"""A real OpenID Connect provider: people and apps with each role, at every door."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from settings import Settings
from storage.driver import Database
from tests.support import waiting
from tests.support.graphql_transport_ws import connect
from tests.support.provider import AUDIENCE, Provider, provider
from tests.support.rest import ANA, CONTACTS
from tests.support.service import served

pytestmark = pytest.mark.node

VIEWER = "{ viewer { name kind role } }"
PEOPLE = {"rita": "READER", "ed": "EDITOR", "ada": "ADMIN"}


@pytest.fixture(scope="module")
def real_provider() -> Iterator[Provider]:
    """The provider."""
    with provider() as running:
        yield running


@pytest.fixture(scope="module")
async def url(settings: Settings, real_provider: Provider, prepared_db: Database) -> AsyncIterator[str]:
    """The URL of a service that takes its tokens."""
    changes = {"auth": "oidc", "oidc_issuer": real_provider.issuer, "oidc_audience": AUDIENCE}
    async with served(settings.model_copy(update=changes)) as (_, url):
        yield url


async def viewer(url: str, token: str) -> dict[str, str]:
    """What GraphQL says about the sender of this token."""
    async with httpx.AsyncClient(base_url=url, timeout=waiting.SECONDS) as client:
        headers = {"authorization": f"Bearer {token}"}
        answer = await client.post("/graphql", json={"query": VIEWER}, headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()["data"]["viewer"]
        return found


async def status(url: str, token: str, method: str = "GET") -> int:
    """The status of a request to REST: a list, or the creation of a contact."""
    async with httpx.AsyncClient(base_url=url, timeout=waiting.SECONDS) as client:
        sent = {"json": ANA} if method == "POST" else {}
        headers = {"authorization": f"Bearer {token}"}
        return (await client.request(method, CONTACTS, headers=headers, **sent)).status_code  # type: ignore[arg-type]  # mypy cannot tell the keys


@pytest.mark.parametrize(("person", "role"), PEOPLE.items())
async def test_people(url: str, db: Database, real_provider: Provider, person: str, role: str) -> None:
    """People who signed in with a browser may do what their role allows, through GraphQL, REST and WebSockets."""
    token = real_provider.sign_in(person).access
    found = await viewer(url, token)
    assert (found["name"].partition(" ")[0].lower(), found["kind"], found["role"]) == (person, "USER", role)
    assert await status(url, token) == 200
    assert await status(url, token, "POST") == (403 if role == "READER" else 201)
    async with connect(url) as client:
        await client.initialize({"Authorization": f"Bearer {token}"})
        await client.subscribe("1", VIEWER)
        assert (await client.data("1"))["viewer"]["role"] == role


@pytest.mark.parametrize("role", ["reader", "editor", "admin"])
async def test_scripts(url: str, db: Database, real_provider: Provider, role: str) -> None:
    """Scripts sign in with client credentials of their own."""
    token = real_provider.app_token(f"{role}-app")
    assert await viewer(url, token) == {"name": f"{role.title()} app", "kind": "APP", "role": role.upper()}
    assert await status(url, token, "POST") == (403 if role == "reader" else 201)


async def test_no_role(url: str, db: Database, real_provider: Provider) -> None:
    """Someone without a role has signed in, and may do nothing."""
    assert await status(url, real_provider.sign_in("nora").access) == 403
    assert await status(url, real_provider.app_token("plain-app")) == 403


async def test_tokens_for_something_else(url: str, db: Database, real_provider: Provider) -> None:
    """ID tokens, refresh tokens, expired tokens and those for another service are refused."""
    tokens = real_provider.sign_in("ada")
    others = [
        tokens.identity,
        tokens.refresh,
        real_provider.sign_in("ada", seconds=-3600).access,
        real_provider.app_token("admin-app", audience="api://other"),
    ]
    for token in others:
        assert await status(url, token) == 401
    assert await status(url, tokens.access) == 200


async def test_new_keys(url: str, db: Database, real_provider: Provider) -> None:
    """When the provider changes its keys, tokens of both the old and the new key work without a failed request."""
    before = real_provider.sign_in("ed").access
    assert await status(url, before) == 200
    real_provider.replace_keys()
    assert await status(url, real_provider.sign_in("ed").access) == 200
    assert await status(url, before) == 200
