"""Rate limits at every door: a caller has one budget for all of them."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

import rest
from resolvers.caller import Role
from rest import costs
from settings import Settings
from storage.driver import Database
from tests.support import waiting
from tests.support.doors import Authorize
from tests.support.graphql_transport_ws import connect
from tests.support.rest import ANA, CONTACTS
from tests.support.service import machines, served

BURST = 200
PAGE = "{ contacts(first: 50) { nodes { id } } }"
ALIASES = "{ a: contacts(first: 50) { nodes { id } } b: contacts(first: 50) { nodes { id } } }"
SMALL = "{ viewer { id } }"
INVALID = {"Authorization": "Bearer not.a.token"}
# A unit per minute: so slow that a test never notices.
LIMITS = {"rate_limit": 1, "rate_burst": BURST, "max_failed_sign_ins": 5}


@pytest.fixture
async def limited_url(secured_settings: Settings, db: Database) -> AsyncIterator[str]:
    """The URL of a service with limits and sign-in."""
    async with served(secured_settings.model_copy(update=LIMITS)) as (_, url):
        yield url


@pytest.fixture
async def limited(limited_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the service, without a token."""
    async with httpx.AsyncClient(base_url=limited_url, timeout=waiting.SECONDS) as client:
        yield client


async def send(client: httpx.AsyncClient, query: str, token: str) -> httpx.Response:
    """Send a GraphQL request."""
    return await client.post("/graphql", json={"query": query}, headers={"Authorization": token})


async def spend_all(client: httpx.AsyncClient, token: str) -> httpx.Response:
    """Send requests until one is refused. Returns that answer."""
    while (answer := await send(client, SMALL, token)).status_code == 200:
        pass
    return answer


def left(answer: httpx.Response) -> int:
    """What an answer says is left."""
    found = re.fullmatch(r'"cost";r=(\d+);t=\d+', answer.headers["ratelimit"])
    assert found, answer.headers
    return int(found[1])


def cost(answer: httpx.Response) -> float:
    """What an operation cost."""
    found = answer.json()["extensions"]["cost"]
    total: float = found["fieldCost"] + found["typeCost"]
    return total


async def test_answers_tell_what_is_left(limited: httpx.AsyncClient, authorize: Authorize) -> None:
    """Each answer has the policy, and what is left after the operation was paid."""
    reader = authorize(Role.READER)
    first = await send(limited, PAGE, reader)
    assert first.headers["ratelimit-policy"] == f'"cost";q={BURST};w={BURST * 60}'
    assert left(first) == int(BURST - cost(first))
    second = await limited.get(CONTACTS, params={"limit": 10}, headers={"Authorization": reader})
    assert left(second) == int(BURST - cost(first) - 15)


async def test_graphql_is_refused(limited: httpx.AsyncClient, authorize: Authorize) -> None:
    """When a budget is spent, GraphQL answers 429 with a code, and says when to retry. Others are not affected."""
    answer = await spend_all(limited, authorize(Role.READER))
    assert answer.status_code == 429
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert int(answer.headers["retry-after"]) == error["extensions"]["retryAfter"] > 0
    assert left(answer) < BURST / 10
    assert (await send(limited, SMALL, authorize(Role.EDITOR))).status_code == 200


async def test_all_doors_share_a_budget(limited: httpx.AsyncClient, limited_url: str, authorize: Authorize) -> None:
    """What was spent through GraphQL is missing over REST and WebSockets. A refused change is not made."""
    editor = authorize(Role.EDITOR)
    await spend_all(limited, editor)
    answer = await limited.post(CONTACTS, json=ANA, headers={"Authorization": editor})
    assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMITED")
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    async with connect(limited_url) as client:
        await client.initialize({"Authorization": editor})
        for operation in (PAGE, "subscription { contactChanged { action } }"):
            await client.subscribe("1", operation)
            message = await client.message("1")
            assert (message["type"], code(message["payload"])) == ("error", "RATE_LIMITED")
    listed = await limited.get(CONTACTS, headers={"Authorization": authorize(Role.READER)})
    assert listed.json()["totalCount"] == 0


def code(errors: list[dict[str, Any]]) -> str:
    """The code of the only error."""
    (error,) = errors
    found: str = error["extensions"]["code"]
    return found


async def test_aliases_do_not_evade(limited: httpx.AsyncClient, authorize: Authorize) -> None:
    """Two pages in one request cost as much as in two."""
    one = await send(limited, PAGE, authorize(Role.READER))
    two = await send(limited, ALIASES, authorize(Role.EDITOR))
    assert BURST - left(two) == pytest.approx(2 * (BURST - left(one)), abs=2)


@pytest.mark.parametrize("query", ["{", "{ nothing }"])
async def test_invalid_documents_cost(limited: httpx.AsyncClient, authorize: Authorize, query: str) -> None:
    """A document that cannot be executed costs a little, so that nobody can send them without end."""
    assert left(await send(limited, query, authorize(Role.READER))) == BURST - 1


async def test_invalid_tokens_are_limited(limited: httpx.AsyncClient, limited_url: str, authorize: Authorize) -> None:
    """An address that sent too many invalid tokens gets 429 for any that was not verified before."""
    known = authorize(Role.READER)
    assert (await send(limited, SMALL, known)).status_code == 200
    answers = [await limited.get(CONTACTS, headers=INVALID) for _ in range(6)]
    assert [each.status_code for each in answers] == [401] * 5 + [429]
    assert answers[-1].json()["code"] == "RATE_LIMITED"
    assert int(answers[-1].headers["retry-after"]) > 0
    assert (await send(limited, SMALL, authorize(Role.EDITOR))).status_code == 429
    assert (await send(limited, SMALL, known)).status_code == 200
    assert (await limited.get("/healthz")).status_code == 200
    async with connect(limited_url) as client:
        await client.send({"type": "connection_init", "payload": INVALID})
        assert (await client.closed())[0] == 1013


async def test_requests_without_a_token_are_no_failed_sign_ins(
    limited: httpx.AsyncClient, authorize: Authorize
) -> None:
    """A browser that has not signed in yet does not keep its user from doing so."""
    for _ in range(10):
        assert (await limited.get(CONTACTS)).status_code == 401
    assert (await send(limited, SMALL, authorize(Role.READER))).status_code == 200


async def test_without_sign_in_each_address_has_a_budget(settings: Settings, db: Database) -> None:
    """Where nobody signs in, the address pays."""
    async with machines(settings.model_copy(update=LIMITS)) as found:
        first, second = (found.client(address, "http://localhost") for address in ("127.0.0.1", "127.0.0.2"))
        while (answer := await first.get(CONTACTS)).status_code == 200:
            pass
        assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMITED")
        assert (await second.get(CONTACTS)).status_code == 200


async def test_without_a_limit_there_are_no_headers(secured: httpx.AsyncClient, authorize: Authorize) -> None:
    """A service without a limit says nothing of it."""
    answer = await send(secured, SMALL, authorize(Role.READER))
    assert not {"ratelimit", "ratelimit-policy"} & answer.headers.keys()


def test_every_rest_operation_has_a_cost() -> None:
    """The table has each method of each path, except for public ones, and no others."""
    served = {
        (method, route.path)
        for route in rest.routes()
        for method in route.methods or ()
        if method not in ("HEAD", "OPTIONS") and route.path != rest.SIGN_IN_METADATA
    }
    assert served == costs.UNITS.keys()
