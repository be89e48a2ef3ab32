"""Forged tokens are refused at every door."""

from collections.abc import AsyncIterator, Mapping

import httpx
import pytest

from settings import Settings
from storage import driver
from tests.support import waiting
from tests.support.environment import DRIVER
from tests.support.forgeries import FORGERIES
from tests.support.forgeries.forgery import Forgery
from tests.support.graphql_transport_ws import connect
from tests.support.service import served
from tests.support.simulated_providers import Kind, Providers

CASES = [each for found in FORGERIES.values() for each in found]
GRAPHQL = {"method": "POST", "url": "/graphql", "json": {"query": "{ contactStats { total } }"}}
REST = {"method": "GET", "url": "/api/identity/contacts"}


@pytest.fixture(scope="session")
async def urls(settings: Settings, trusted_providers: Providers) -> AsyncIterator[Mapping[Kind, str]]:
    """The URLs of a service for each kind of provider.

    They have a database of their own, since they add failed sign-ins to the audit log also during later tests.
    """
    own = settings.model_dump(include={"mongodb_uri", "driver", "allowed_hosts"})
    own["database"] = f"{settings.database}-f"
    async with (
        served(trusted_providers.plain.settings(**own)) as (_, plain),
        served(trusted_providers.contoso.settings(**own)) as (_, entra),
    ):
        yield {"plain": plain, "entra": entra}
    db = driver.connect(settings.uri(), own["database"], DRIVER)
    await db.drop()
    await db.close()


def is_sendable(authorization: str) -> bool:
    """Whether HTTP allows this in a header, and clients and servers pass it on unchanged."""
    return authorization.isascii() and authorization.isprintable() and authorization == authorization.strip()


@pytest.mark.parametrize("door", [GRAPHQL, REST], ids=["graphql", "rest"])
@pytest.mark.parametrize("forgery", CASES, ids=lambda each: f"{each.kind}-{each}")
async def test_http(
    forgery: Forgery, door: Mapping[str, object], urls: Mapping[Kind, str], trusted_providers: Providers
) -> None:
    """GraphQL and REST answer 401, with a challenge and nothing else."""
    authorization = forgery.authorization(trusted_providers)
    if forgery.is_huge or not is_sendable(authorization):
        return  # below, in a WebSocket
    async with httpx.AsyncClient(base_url=urls[forgery.kind], timeout=waiting.SECONDS) as client:
        answer = await client.request(**door, headers={"authorization": authorization})  # type: ignore[arg-type]  # as in the table above
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert "total" not in answer.text
    assert "contacts" not in answer.json()


@pytest.mark.parametrize("forgery", CASES, ids=lambda each: f"{each.kind}-{each}")
async def test_websocket(forgery: Forgery, urls: Mapping[Kind, str], trusted_providers: Providers) -> None:
    """A WebSocket is closed without an acknowledgment."""
    authorization = forgery.authorization(trusted_providers)
    async with connect(urls[forgery.kind]) as client:
        await client.send({"type": "connection_init", "payload": {"Authorization": authorization}})
        code, reason = await client.closed()
    assert code in (4401, 4403, 1009)  # 1009: the message is too long to be read
    assert reason


async def test_good_tokens_are_accepted(urls: Mapping[Kind, str], trusted_providers: Providers) -> None:
    """The same requests succeed with a good token, so that the tests above can fail."""
    for kind, url in urls.items():
        authorization = trusted_providers.of(kind).bearer()
        async with httpx.AsyncClient(base_url=url, timeout=waiting.SECONDS) as client:
            for door in (GRAPHQL, REST):
                answer = await client.request(**door, headers={"authorization": authorization})
                assert answer.status_code == 200
        async with connect(url) as client_:
            await client_.initialize({"Authorization": authorization})
