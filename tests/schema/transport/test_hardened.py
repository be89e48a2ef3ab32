"""What strangers can find out and do, in both profiles: the twelve checks of the scanner graphql-cop 1.15."""

import json
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

import httpx
import pytest
from graphql import OperationDefinitionNode, parse
from pydantic import ValidationError

from schema.build import schema
from schema.execution.cost import Costs
from schema.execution.limits import _Measure
from schema.execution.weights import Weights
from settings import HARDENED, Settings
from storage.driver import Database
from tests.support.configured import configured
from tests.support.examples import examples
from tests.support.graphql_http import QUERY
from tests.support.modules import ROOT

Check = Callable[[httpx.AsyncClient], Awaitable[bool]]


async def sent(client: httpx.AsyncClient, body: object) -> Any:
    """The answer to a JSON body."""
    return (await client.post("/graphql", json=body)).json()


async def introspection(client: httpx.AsyncClient) -> bool:
    """Introspection returns the schema."""
    return "data" in await sent(client, {"query": "query { __schema { queryType { name } types { name kind } } }"})


async def ide(client: httpx.AsyncClient) -> bool:
    """A page is GraphiQL or the like."""
    words = ("GraphiQL", "graphiql.min.css", "GraphQL Playground", "graphql-playground")
    for path in ("/graphiql", "/graphiql/index.html", "/playground", "/console", "/graphql"):
        for accept in ("*/*", "text/html"):
            answer = await client.get(path, headers={"accept": accept}, follow_redirects=True)
            if any(word in answer.text for word in words):
                return True
    return False


async def suggestions(client: httpx.AsyncClient) -> bool:
    """Errors suggest names."""
    return "Did you mean" in str(await sent(client, {"query": "query { contactStat { directive } }"}))


async def get_query(client: httpx.AsyncClient) -> bool:
    """A query in the URL is executed."""
    return "data" in (await client.get("/graphql", params={"query": "{__typename}"})).json()


async def get_mutation(client: httpx.AsyncClient) -> bool:
    """A mutation in the URL is executed."""
    return "data" in (await client.get("/graphql", params={"query": "mutation {__typename}"})).json()


async def form(client: httpx.AsyncClient) -> bool:
    """A query in a form, which any page can send, is executed."""
    by_url = await client.post("/graphql", params={"query": "query {__typename}"})
    by_body = await client.post("/graphql", data={"query": "query {__typename}"})
    return "data" in by_url.json() or "data" in by_body.json()


async def aliases(client: httpx.AsyncClient) -> bool:
    """A hundred and one aliases are executed."""
    every = " ".join(f"alias{number}: __typename" for number in range(101))
    return "data" in await sent(client, {"query": f"query {{ {every} }}"})


async def batch(client: httpx.AsyncClient) -> bool:
    """Ten queries in one request are executed."""
    return isinstance(await sent(client, [{"query": "query { __typename }"}] * 10), list)


async def duplicates(client: httpx.AsyncClient) -> bool:
    """A field that is repeated 500 times is executed."""
    return "data" in await sent(client, {"query": "query { " + "__typename " * 500 + "}"})


async def directives(client: httpx.AsyncClient) -> bool:
    """Each of ten unknown directives is reported."""
    return len((await sent(client, {"query": "query { __typename @aa@aa@aa@aa@aa@aa@aa@aa@aa@aa }"}))["errors"]) >= 10


async def circular_introspection(client: httpx.AsyncClient) -> bool:
    """Introspection goes in circles."""
    nested = "types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } }"
    return "data" in await sent(client, {"query": f"query {{ __schema {{ {nested} }} }}"})


async def tracing(client: httpx.AsyncClient) -> bool:
    """Answers contain traces or exceptions of the service."""
    queries = ("query { __typename }", "query { broken", "{ nothing }")
    found = [await sent(client, {"query": query}) for query in queries]
    return any(word in str(found).lower() for word in ("tracing", "stacktrace", "traceback", "exception"))


CHECKS: list[Check] = [
    introspection,
    ide,
    suggestions,
    get_query,
    get_mutation,
    form,
    aliases,
    batch,
    duplicates,
    directives,
    circular_introspection,
    tracing,
]
# What the standard profile allows, and why.
ALLOWED = {
    introspection: "tools of developers read the schema",
    ide: "GraphiQL is how people try the service",
    suggestions: "they help whoever mistypes a name",
    get_query: "caches and bookmarks; it reads only, and browsers keep the answer from other sites' pages",
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_standard(client: httpx.AsyncClient, check: Check) -> None:
    """The standard profile allows what helps developers, and nothing else."""
    assert await check(client) is (check in ALLOWED)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_hardened(settings: Settings, db: Database, check: Check) -> None:
    """The hardened profile allows none of it."""
    async with configured(settings, profile="hardened") as client:
        assert await check(client) is False
        assert "data" in await sent(client, {"query": QUERY})


async def test_persisted_queries_in_urls(settings: Settings, db: Database) -> None:
    """In the hardened profile, a query in the URL is refused, but a registered one can be named there."""
    digest = {"persistedQuery": {"version": 1, "sha256Hash": sha256(QUERY.encode()).hexdigest()}}
    async with configured(settings, profile="hardened") as client:
        refused = await client.get("/graphql", params={"query": QUERY})
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
        await sent(client, {"query": QUERY, "extensions": digest})
        assert "data" in (await client.get("/graphql", params={"extensions": json.dumps(digest)})).json()


def test_settings_win_over_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that is given wins over the profile, even if it has the value of the standard profile."""
    assert Settings(profile="hardened").max_aliases == 15
    assert (Settings().rate_limit, Settings(profile="hardened").rate_limit) == (0, 30_000)
    assert Settings(profile="hardened", introspection="on").introspection == "on"
    monkeypatch.setenv("CONTACTS_PROFILE", "hardened")
    monkeypatch.setenv("CONTACTS_MAX_ALIASES", "100")
    assert (Settings().max_aliases, Settings().max_directives) == (100, 50)
    with pytest.raises(ValidationError):
        Settings(profile="open")  # type: ignore[arg-type]  # not a profile


def documents() -> list[str]:
    """All operations of our own pages, examples and tests of clients."""
    shown = sorted((ROOT / "graphiql" / "examples").glob("*.graphql"))
    files = [*shown, ROOT / "tests" / "node" / "operations.graphql"]
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [*(file.read_text() for file in files), *(each.text for page in pages for each in examples(page, "graphql"))]


VARIABLES = {
    **json.loads((ROOT / "graphiql" / "examples" / "2-contacts.json").read_text()),
    **json.loads((ROOT / "graphiql" / "examples" / "5-groups.json").read_text()),
}


def test_profile_fits_our_own_operations() -> None:
    """In the hardened profile, depth and cost are what our dearest operations need, times at most three."""
    weights, cost, depth = Weights(schema._schema), 0.0, 0
    for document in map(parse, documents()):
        costs, measure = Costs(weights, document), _Measure(document)
        for operation in document.definitions:
            if isinstance(operation, OperationDefinitionNode):
                cost = max(cost, costs.of(operation).cost(VARIABLES).total)
                depth = max(depth, measure.of_operation(operation).depth)
    assert cost <= float(str(HARDENED["max_cost"])) <= 3 * cost
    assert depth <= int(str(HARDENED["max_depth"])) <= 3 * depth


async def test_our_own_operations_are_executed(settings: Settings, db: Database) -> None:
    """The hardened profile refuses none of our own operations for its size."""
    async with configured(settings, profile="hardened") as client:
        for document in documents():
            answer = await sent(client, {"query": document, "operationName": "none"})
            assert answer["errors"][0]["extensions"]["code"] in ("UNKNOWN_OPERATION",), document
