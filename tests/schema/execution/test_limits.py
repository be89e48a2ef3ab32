"""Limits on the size of a document, which protect the service from extreme documents."""

import re
import time

import httpx
import pytest
from graphql import get_introspection_query

from schema.execution.documents import MAX_ERRORS
from schema.execution.executor import Executable
from settings import Settings
from tests.support.configured import configured
from tests.support.graphql_http import post


async def refused(client: httpx.AsyncClient, query: str) -> str:
    """The error message for a document."""
    response = await client.post(
        "/graphql", json={"query": query}, headers={"accept": "application/graphql-response+json"}
    )
    assert response.status_code == 400
    (error, *_) = response.json()["errors"]
    found: str = error["message"]
    return found


def spread(count: int, fragment: str) -> str:
    """A query with a chain of fragments, each of which spreads the next one with this text."""
    fragments = [f"fragment f{n} on Query {{ {fragment.replace('next', f'f{n + 1}')} }}" for n in range(count)]
    return "{ ...f0 }" + " ".join(fragments) + f"fragment f{count} on Query {{ x: __typename }}"


INTROSPECTIONS = "{ " + " ".join(f'a{n}: __type(name: "Contact") {{ name }}' for n in range(4)) + " }"


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
        ("{ __typename " + "@skip(if: false) " * 101 + "}", "more than 100 directives.*another request"),
        ("query ($x: Int " + "@a " * 50 + ") { ..." + "@b " * 51 + " { __typename } }", "more than 100 directives"),
        (spread(6, "...next @include(if: true) ...next @include(if: true)"), "more than 100 directives"),
        (INTROSPECTIONS, "selects __schema and __type more than 3 times"),
        ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }", "introspection depth"),
        (spread(600, "...next"), "too deeply"),
        ("{ contacts " * 2_400, "too deeply"),
        ("{ a(b: " + "[" * 4_000, "too deeply"),
        ("query ($a: " + "[" * 4_000 + "{ __typename }", "too deeply"),
    ],
    ids=[
        "tokens",
        "depth",
        "name",
        "aliases",
        "many fragments",
        "directives",
        "directives elsewhere",
        "directives in fragments",
        "introspections",
        "introspection depth",
        "deep fragments",
        "selections",
        "values",
        "types",
    ],
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


@pytest.mark.parametrize(
    ("setting", "query", "why"),
    [
        ({"max_depth": 2}, "{ contacts { nodes { manager { id } } } }", "depth of 3; the limit is 2"),
        ({"max_aliases": 1}, "{ a: __typename b: __typename }", "more than 1 aliases"),
        ({"max_tokens": 10}, "{ a: __typename b: __typename c: __typename d: __typename }", "more than 10 tokens"),
        ({"max_directives": 0}, "{ __typename @skip(if: false) }", "more than 0 directives"),
        ({"max_cost": 10}, "{ contacts(first: 9) { nodes { id } } }", "could cost 13 .*; the limit is 10"),
        ({"max_page_size": 60}, "{ contacts(first: 61) { nodes { id } } }", "page size must be 0 to 60, not 61"),
        ({"max_page_size": 60}, "query ($n: Int = 99) { contacts(last: $n) { nodes { id } } }", "0 to 60, not 99"),
        ({"introspection": "off"}, "{ ...f } fragment f on Query { __schema { types { name } } }", "turned off"),
    ],
)
async def test_limits_are_settings(settings: Settings, setting: dict[str, object], query: str, why: str) -> None:
    """Each limit can be set."""
    async with configured(settings, **setting) as client:
        assert re.search(why, await refused(client, query))


async def test_suggestions_can_be_hidden(client: httpx.AsyncClient, settings: Settings) -> None:
    """Errors suggest names of the schema, also for variables, unless the setting is off."""
    ordered = "query ($order: ContactOrder) { contacts(orderBy: $order) { nodes { id } } }"
    queries: list[dict[str, object]] = [
        {"query": "{ contactStat { total } }"},
        {"query": ordered, "variables": {"order": {"field": "COMPANYS"}}},
        {"query": "{ contacts(orderBy: {field: COMPANYS}) { nodes { id } } }"},
    ]
    async with configured(settings, suggestions="off") as silent:
        for body in queries:
            assert "Did you mean" in (await client.post("/graphql", json=body)).text
            answer = (await silent.post("/graphql", json=body)).text
            assert "errors" in answer
            assert "Did you mean" not in answer


async def test_errors_are_few(client: httpx.AsyncClient) -> None:
    """A document with many mistakes gets an answer with a few of them."""
    response = await client.post("/graphql", json={"query": "{ __typename " + "@aa " * 90 + "}"})
    assert len(response.json()["errors"]) == MAX_ERRORS + 1  # the last one says so


@pytest.mark.usefixtures("untraced")
async def test_repeated_introspection(client: httpx.AsyncClient) -> None:
    """A small document that asks for the whole schema many times is refused at once."""
    (selection,) = re.findall(r"__schema \{.*?\n  \}\n", get_introspection_query(), re.DOTALL)
    fragments = get_introspection_query().partition("fragment")
    every = " ".join(f"a{n}: {selection}" for n in range(80))
    began = time.process_time()
    assert "more than 3 times" in await refused(client, f"{{ {every} }} fragment{fragments[2]}")
    assert time.process_time() - began < 0.5


async def test_repeated_answers_of_introspection(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to introspection is made once, since it never changes."""
    body = b'{"query": "query Once { __schema { types { name } } }"}'
    first = await post(client, body)
    monkeypatch.setattr(Executable, "execute", None)
    assert (await post(client, body)).json() == first.json()
