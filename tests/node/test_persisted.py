"""Persisted documents as the clients and tools of frontend developers use them."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from settings import Settings
from storage.driver import Database
from tests.support.configured import changed
from tests.support.node import Node
from tests.support.service import served

pytestmark = pytest.mark.node


async def test_apollo(node: Node, settings: Settings, db: Database) -> None:
    """Apollo sends the document when its hash is unknown, and from then on only the hash, by GET if asked to."""
    async with served(changed(settings, get_queries="off")) as (_, url):
        found = await asyncio.to_thread(node.report, "apollo_persisted.mjs", f"{url}/graphql")
    query = ["POST hash", "POST document", "GET hash"]
    assert found == {
        "sent": [*query, "POST hash", "POST document"],
        "lists": [0, 0],
        "created": "CreateContactSuccess",
    }


async def test_apollo_where_they_are_turned_off(node: Node, settings: Settings, db: Database) -> None:
    """Apollo sends the document if the service knows no hashes."""
    async with served(changed(settings, persisted_queries="off")) as (_, url):
        found = await asyncio.to_thread(node.report, "apollo_persisted.mjs", f"{url}/graphql")
    assert found["created"] == "CreateContactSuccess"


async def test_code_generator(node: Node, settings: Settings, db: Database, generated: Path) -> None:
    """What GraphQL Code Generator writes is an allow-list, and what it generates is executed by hash."""
    await asyncio.to_thread(node.run, "codegen.mjs", str(generated))
    file = generated / "persisted-documents.json"
    async with served(changed(settings, trusted_documents=file, only_trusted_documents=True)) as (_, url):
        found = await asyncio.to_thread(node.report, "trusted.mjs", f"{url}/graphql", str(generated))
        refused = await asyncio.to_thread(httpx.post, f"{url}/graphql", json={"query": "{ __typename }"})
    assert found == {"created": "CreateContactSuccess", "listed": 1}
    assert refused.json()["errors"][0]["extensions"] == {"code": "QUERY_NOT_IN_SAFELIST"}


async def test_relay(node: Node, settings: Settings, db: Database, generated: Path) -> None:
    """What Relay's compiler writes is an allow-list, and its operations are executed by their IDs."""
    await asyncio.to_thread(node.run, "node_modules/relay-compiler/cli.js", "relay.config.json")
    artifact = next((generated / "relay").rglob("ContactListQuery.graphql.js")).read_text()
    (identifier,) = re.findall(r'"id": "([0-9a-f]{32})"', artifact)
    assert '"text": null' in artifact
    trusted = generated / "persisted_queries.json"
    async with served(changed(settings, trusted_documents=trusted, only_trusted_documents=True)) as (_, url):
        body = {"doc_id": identifier, "variables": {"id": "nobody", "count": 2, "cursor": None}}
        response = await asyncio.to_thread(httpx.post, f"{url}/graphql", json=body)
    assert response.json()["data"] == {
        "contacts": {"edges": [], "pageInfo": {"endCursor": None, "hasNextPage": False}},
        "node": None,
    }
