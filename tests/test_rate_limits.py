"""Rate limits across processes: all of them together allow what one would."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from storage.driver import Database
from tests.support import waiting
from tests.support.service import service

pytestmark = pytest.mark.slow

BURST = 3_000
PROCESSES = 3
CONTACTS = "/api/identity/contacts"


async def page(client: httpx.AsyncClient, number: int) -> int:
    """What a page costs, by turns over GraphQL and REST: 0 if it is refused."""
    if number % 2:
        answer = await client.get(CONTACTS, params={"limit": 15})
        cost = 20
    else:
        answer = await client.post("/graphql", json={"query": "{ contacts(first: 15) { nodes { id } } }"})
        found = answer.json().get("extensions", {}).get("cost", {"fieldCost": 0, "typeCost": 0})
        cost = int(found["fieldCost"] + found["typeCost"])
    assert answer.status_code in (200, 429)
    return cost if answer.status_code == 200 else 0


async def pages(clients: list[httpx.AsyncClient]) -> int:
    """What many pages cost together that several clients ask for at the same time."""

    async def some(client: httpx.AsyncClient) -> int:
        return sum([await page(client, number) for number in range(20)])

    return sum(await asyncio.gather(*map(some, clients)))


async def test_three_services_and_many_clients(
    tmp_path: Path, mongodb_uri: str, database_name: str, db: Database
) -> None:
    """Clients of three services on one database can spend one budget: all of it, and not more."""
    with ExitStack() as stack:
        services = [
            stack.enter_context(
                service(
                    tmp_path / str(number),
                    mongodb_uri=mongodb_uri,
                    database=database_name,
                    rate_limit="1",
                    rate_burst=str(BURST),
                )
            )
            for number in range(PROCESSES)
        ]
        clients = [httpx.AsyncClient(base_url=each.url, timeout=waiting.SECONDS) for each in services for _ in range(3)]
        total = 0

        async def more() -> int:
            nonlocal total
            total += await pages(clients)
            return total

        await waiting.until(more, lambda spent: spent > BURST - 30 * PROCESSES)
        for _ in range(3):
            await more()
        for each in clients:
            await each.aclose()
    assert total <= BURST + 60  # what comes back in an hour
