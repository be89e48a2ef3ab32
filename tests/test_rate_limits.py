"""Rate limits across processes: all of them together allow what one would, except for a stated error."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from resolvers.rate_limits import PORTION
from storage.driver import Database
from tests.support import waiting
from tests.support.service import service

pytestmark = pytest.mark.slow

BURST = 3_000
PROCESSES = 3
CONTACTS = "/api/identity/contacts"


async def answered(client: httpx.AsyncClient, number: int) -> int:
    """How many units the answers to this many requests cost. Half of them go to GraphQL, half to REST."""
    units = 0
    for each in range(number):
        if each % 2:
            answer = await client.get(CONTACTS, params={"limit": 15})
            cost = 20
        else:
            answer = await client.post("/graphql", json={"query": "{ contacts(first: 15) { nodes { id } } }"})
            found = answer.json().get("extensions", {}).get("cost", {"fieldCost": 0, "typeCost": 0})
            cost = int(found["fieldCost"] + found["typeCost"])
        assert answer.status_code in (200, 429)
        units += cost if answer.status_code == 200 else 0
    return units


async def test_three_services_and_many_clients(
    tmp_path: Path, mongodb_uri: str, database_name: str, db: Database
) -> None:
    """Clients of three services on one database spend exactly one budget, but for a portion of each service."""
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
        totals = await asyncio.gather(*(answered(each, 60) for each in clients))
        for each in clients:
            await each.aclose()
    assert BURST * (1 - PROCESSES * PORTION) <= sum(totals) <= BURST + 60  # a minute's units, and more than that
