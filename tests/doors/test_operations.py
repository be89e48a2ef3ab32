"""Every operation, at every door, as everyone: what the table in `tests/support/doors.py` says, and nothing else."""

from collections.abc import Sequence

import httpx
import pytest

import rest
from resolvers.caller import Caller, Role
from schema.build import schema
from storage.documents import Document
from tests.support.doors import GRAPHQL, REST, Authorize, GraphQLOperation, Leaves, RestOperation, data
from tests.support.graphql_transport_ws import Client, connect

EVERYONE = [None, *Role]
INVALID = "Bearer not.a.token"
PUBLIC_PATHS = {rest.SIGN_IN_METADATA}


def named(value: object) -> str | None:
    """The name of an operation or a role in the list of tests."""
    if isinstance(value, GraphQLOperation | RestOperation):
        return value.name
    return value.name if isinstance(value, Role) else "no role" if value is None else None


def every(operations: Sequence[GraphQLOperation | RestOperation]) -> pytest.MarkDecorator:
    """Run a test for each operation as everyone."""
    cells = [(each, role) for each in operations for role in EVERYONE]
    return pytest.mark.parametrize(("operation", "role"), cells, ids=named)


async def entries(caller: Caller) -> list[Document]:
    """The entries of the audit log, but for failed sign-ins, which a service adds some time after they happened."""
    return await caller.db.audit.find({"code": {"$ne": "UNAUTHENTICATED"}}).to_list(None)


async def expect_audited(
    caller: Caller, operation: GraphQLOperation | RestOperation, role: Role | None, channel: str
) -> None:
    """The audit log has exactly one entry of what was refused, or of what was changed, exported or administered."""
    found = await entries(caller)
    leaves: Leaves = operation.leaves
    if role is None or role < operation.role:
        outcome = "REFUSED"
    elif leaves == "one entry":
        outcome = "DONE"
    else:
        assert found == []
        return
    (entry,) = found
    assert (entry["outcome"], entry["channel"]) == (outcome, channel)
    assert entry["actorId"] == f"id-of-{role.name.lower() if role else 'nobody'}"
    assert entry["address"] == "127.0.0.1"
    assert entry["requestId"]
    assert entry.get("code") == ("FORBIDDEN" if outcome == "REFUSED" else None)


def test_every_graphql_operation_is_in_the_table() -> None:
    """The table has each field of the schema, and no others."""
    core = schema._schema
    roots = {"query": core.query_type, "mutation": core.mutation_type, "subscription": core.subscription_type}
    served = {(kind, name) for kind, root in roots.items() if root for name in root.fields}
    served |= {("query", name) for name in ("__schema", "__type", "__typename")}
    assert {(each.kind, each.name) for each in GRAPHQL} == served
    assert len(GRAPHQL) == len(served)


def test_every_rest_operation_is_in_the_table() -> None:
    """The table has each method of each path, except for public ones, and no others."""
    served = {
        (method, route.path)
        for route in rest.routes()
        for method in route.methods or ()
        if method not in ("HEAD", "OPTIONS") and route.path not in PUBLIC_PATHS
    }
    assert {(each.method, each.path) for each in REST} == served
    assert len(REST) == len(served)


@every([each for each in GRAPHQL if each.kind != "subscription"])
async def test_graphql_over_http(
    operation: GraphQLOperation, role: Role | None, secured: httpx.AsyncClient, caller: Caller, authorize: Authorize
) -> None:
    """GraphQL over HTTP answers with data, or refuses with FORBIDDEN and records it."""
    text = operation.text(await data(caller))
    answer = await secured.post("/graphql", json={"query": text}, headers={"authorization": authorize(role)})
    body = answer.json()
    if role is None:
        assert answer.status_code == 403
    if role is None or role < operation.role:
        assert [each["extensions"]["code"] for each in body["errors"]] == ["FORBIDDEN"]
        assert not body.get("data")
    else:
        assert (answer.status_code, "errors" in body) == (200, False), body
        assert body["data"][operation.name] is not None
    await expect_audited(caller, operation, role, "GRAPHQL")


@every(GRAPHQL)
async def test_graphql_over_a_websocket(
    operation: GraphQLOperation, role: Role | None, secured_url: str, caller: Caller, authorize: Authorize
) -> None:
    """GraphQL over a WebSocket answers alike. Nobody without a role can connect."""
    text = operation.text(await data(caller))
    async with connect(secured_url) as client:
        if role is None:
            await client.send({"type": "connection_init", "payload": {"Authorization": authorize(None)}})
            assert (await client.closed())[0] == 4403
        else:
            await client.initialize({"Authorization": authorize(role)})
            await expect_answered(client, operation, text, role)
    await expect_audited(caller, operation, role, "GRAPHQL")


async def expect_answered(client: Client, operation: GraphQLOperation, text: str, role: Role) -> None:
    """The operation returns data, or is refused."""
    if operation.name in ("contactChanged", "directorySyncProgress"):
        await client.listen("1", text)  # no event: nothing changes
        return
    await client.subscribe("1", text)
    message = await client.message("1")
    assert message["type"] == "next", message
    if role < operation.role:
        assert [each["extensions"]["code"] for each in message["payload"]["errors"]] == ["FORBIDDEN"]
    else:
        assert "errors" not in message["payload"]


@every(REST)
async def test_rest(
    operation: RestOperation, role: Role | None, secured: httpx.AsyncClient, caller: Caller, authorize: Authorize
) -> None:
    """REST answers with success, or refuses with 403 and records it."""
    request = operation.request(await data(caller))
    answer = await secured.request(**request, headers={"authorization": authorize(role)})
    if role is None or role < operation.role:
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    else:
        assert answer.status_code < 300, answer.text
    await expect_audited(caller, operation, role, "REST")


@pytest.mark.parametrize("operation", [each for each in GRAPHQL if each.leaves == "one entry"], ids=named)
async def test_a_repeated_mutation_leaves_one_entry(
    operation: GraphQLOperation, secured: httpx.AsyncClient, caller: Caller, authorize: Authorize
) -> None:
    """A mutation that is repeated with its key returns the same data, and the audit log has one entry of it."""
    text = with_key(operation, operation.text(await data(caller)))
    answers = [
        await secured.post("/graphql", json={"query": text}, headers={"authorization": authorize(operation.role)})
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert "errors" not in answers[0].json()
    await expect_audited(caller, operation, operation.role, "GRAPHQL")


def with_key(operation: GraphQLOperation, text: str) -> str:
    """The mutation with an idempotency key."""
    name, keyed = operation.name, f'{operation.name}(idempotencyKey: "1"'
    return text.replace(f"{name}(", f"{keyed}, ") if f"{name}(" in text else text.replace(name, f"{keyed})")


@pytest.mark.parametrize("operation", [each for each in REST if each.method != "GET"], ids=named)
async def test_a_repeated_rest_change_leaves_one_entry(
    operation: RestOperation, secured: httpx.AsyncClient, caller: Caller, authorize: Authorize
) -> None:
    """A change that is repeated with its key gets the same answer, and the audit log has one entry of it."""
    request = operation.request(await data(caller))
    headers = {"authorization": authorize(operation.role), "idempotency-key": "1"}
    answers = [await secured.request(**request, headers=headers) for _ in range(2)]
    assert answers[0].is_success
    assert (answers[0].status_code, answers[0].content) == (answers[1].status_code, answers[1].content)
    await expect_audited(caller, operation, operation.role, "REST")


@pytest.mark.parametrize("authorization", [None, INVALID], ids=["no token", "invalid token"])
@pytest.mark.parametrize("operation", [*GRAPHQL, *REST], ids=named)
async def test_nothing_without_a_valid_token(
    operation: GraphQLOperation | RestOperation, authorization: str | None, secured: httpx.AsyncClient
) -> None:
    """Each door refuses requests without a valid token, says how to sign in, and reads nothing of the request."""
    ids = dict.fromkeys(("contact", "address", "deleted", "group", "member", "import", "synced", "new"), "1")
    if isinstance(operation, RestOperation):
        request = operation.request(ids)
    else:
        request = {"method": "POST", "url": "/graphql", "json": {"query": operation.text(ids)}}
    headers = {} if authorization is None else {"authorization": authorization}
    answer = await secured.request(**request, headers=headers)
    assert answer.status_code == 401
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith('Bearer realm="contacts", resource_metadata="http://127.0.0.1:')
    assert ('error="invalid_token"' in challenge) == (authorization is not None)
    if isinstance(operation, RestOperation):
        assert answer.json()["code"] == "UNAUTHENTICATED"
    else:
        assert [each["extensions"]["code"] for each in answer.json()["errors"]] == ["UNAUTHENTICATED"]
