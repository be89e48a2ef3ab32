"""What browsers let pages of other sites try, for each operation: nothing works, whoever the visitor is."""

import httpx
import pytest
import websockets

from resolvers.caller import Caller, Role
from tests.support.doors import GRAPHQL, REST, Authorize, GraphQLOperation, RestOperation, data
from tests.support.graphql_transport_ws import connect

EVIL = "https://evil.example"
# What a page may send to any site without asking first (Fetch, "CORS-safelisted").
SIMPLE_TYPES = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "")
WRITES = [each for each in REST if each.method != "GET"]
IDS = dict.fromkeys(("contact", "address", "deleted", "group", "member", "import", "synced", "new"), "1")


def name(operation: GraphQLOperation | RestOperation) -> str:
    """The name of an operation in the list of tests."""
    return operation.name


def request_for(operation: GraphQLOperation | RestOperation) -> dict[str, object]:
    """A request for an operation, with the arguments of an HTTP client."""
    if isinstance(operation, RestOperation):
        return operation.request(IDS)
    return {"method": "POST", "url": "/graphql", "json": {"query": operation.text(IDS)}}


@pytest.mark.parametrize("operation", [*GRAPHQL, *REST], ids=name)
async def test_other_names_and_headers(
    operation: GraphQLOperation | RestOperation, secured: httpx.AsyncClient, authorize: Authorize
) -> None:
    """A name that an attacker's DNS points here is refused. No answer is guessed at, framed or open to other pages."""
    request = request_for(operation)
    headers = {"authorization": authorize(Role.ADMIN)}
    other = await secured.request(**request, headers=headers | {"host": "evil.example"})  # type: ignore[arg-type]  # as above
    assert other.status_code == 421
    answer = await secured.request(**request, headers=headers | {"origin": EVIL})  # type: ignore[arg-type]  # as above
    for each in (other, answer):
        assert each.headers["x-content-type-options"] == "nosniff"
        assert each.headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in each.headers


@pytest.mark.parametrize("kind", SIMPLE_TYPES)
@pytest.mark.parametrize("operation", WRITES, ids=name)
async def test_forms_to_rest(
    operation: RestOperation, kind: str, secured: httpx.AsyncClient, caller: Caller, authorize: Authorize
) -> None:
    """A form of another site's page changes nothing: it is refused, or needs a preflight request that is."""
    headers = {"authorization": authorize(Role.ADMIN), "origin": EVIL, "content-type": kind}
    url = str(operation.request(await data(caller))["url"])
    if operation.method == "POST":
        answer = await secured.post(url, content=b"{}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "FOREIGN_ORIGIN")
    preflight = {"origin": EVIL, "access-control-request-method": operation.method}
    answer = await secured.options(url, headers=preflight)
    assert "access-control-allow-origin" not in answer.headers
    assert await caller.db.audit.find({"outcome": "DONE"}).to_list(None) == []


@pytest.mark.parametrize("kind", SIMPLE_TYPES)
async def test_forms_to_graphql(kind: str, secured: httpx.AsyncClient, caller: Caller, authorize: Authorize) -> None:
    """The same for GraphQL. A page cannot send mutations with GET, either."""
    (operation,) = (each for each in GRAPHQL if each.name == "createContact")
    headers = {"authorization": authorize(Role.ADMIN), "origin": EVIL}
    text = operation.text(await data(caller))
    body = httpx.Request("POST", "http://x", json={"query": text}).content
    answer = await secured.post("/graphql", content=body, headers=headers | {"content-type": kind})
    assert answer.status_code in (403, 415)
    answer = await secured.get("/graphql", params={"query": text}, headers=headers)
    assert answer.status_code == 405
    assert await caller.db.audit.find({"outcome": "DONE"}).to_list(None) == []


@pytest.mark.parametrize("origin", [EVIL, "null", "http://127.0.0.1:1", "https://127.0.0.1"])
async def test_websockets(secured_url: str, authorize: Authorize, origin: str) -> None:
    """Pages of other origins cannot open a WebSocket, also not of another port or scheme."""
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connect(secured_url, origin=origin, headers={"Authorization": authorize(Role.ADMIN)}):
            pass
    assert refused.value.response.status_code == 403


async def test_page_has_a_policy(secured: httpx.AsyncClient) -> None:
    """GraphiQL's page runs its own scripts only, cannot be framed, and calls only the service and the provider."""
    page = await secured.get("/graphql", headers={"accept": "text/html"})
    if page.status_code == 404:
        pytest.skip("GraphiQL is not built")
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
