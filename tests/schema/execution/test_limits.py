"""Limits on the size of a document, which protect the service from extreme documents."""

import re

import httpx
import pytest


async def refused(client: httpx.AsyncClient, query: str) -> str:
    """The error message for a document."""
    response = await client.post(
        "/graphql", json={"query": query}, headers={"accept": "application/graphql-response+json"}
    )
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    found: str = error["message"]
    return found


def spread(count: int, fragment: str) -> str:
    """A query with a chain of fragments, each of which spreads the next one with this text."""
    fragments = [f"fragment f{n} on Query {{ {fragment.replace('next', f'f{n + 1}')} }}" for n in range(count)]
    return "{ ...f0 }" + " ".join(fragments) + f"fragment f{count} on Query {{ x: __typename }}"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("{ " + "contactStats { total } " * 2_000 + "}", "more than 5,000 tokens.*Request less at a time"),
        (
            "{ contacts { nodes {" + "manager {" * 14 + "id" + "}" * 17,
            "The operation nests fields to a depth of 16; the limit is 15",
        ),
        ("query A { contacts { nodes {" + "manager {" * 14 + "id" + "}" * 17, "The operation A .*a separate request"),
        ("{ " + " ".join(f"a{n}: __typename" for n in range(101)) + "}", "more than 100 aliases.*another request"),
        (spread(30, "...next ...next"), "more than 100 aliases"),
        (spread(600, "...next"), "too deeply"),
        ("{ contacts " * 2_400, "too deeply"),
        ("{ a(b: " + "[" * 4_000, "too deeply"),
        ("query ($a: " + "[" * 4_000 + "{ __typename }", "too deeply"),
    ],
    ids=["tokens", "depth", "name", "aliases", "many fragments", "deep fragments", "selections", "values", "types"],
)
async def test_document_limits(client: httpx.AsyncClient, query: str, why: str) -> None:
    """A document that exceeds a limit is rejected before execution, and the message says what to do."""
    assert re.search(why, await refused(client, query))


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("{ ...nowhere }", "Unknown fragment 'nowhere'"),
        ("{ ...f } fragment f on Query { ...f }", "Cannot spread fragment 'f' within itself"),
    ],
)
async def test_impossible_fragments(client: httpx.AsyncClient, query: str, why: str) -> None:
    """Unknown and recursive fragments are validation errors."""
    assert why in await refused(client, query)
