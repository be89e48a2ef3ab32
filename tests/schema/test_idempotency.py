"""The argument `idempotencyKey` of the mutations."""

import pytest
from graphql import GraphQLString

from schema.build import schema
from storage.driver import Database
from tests.support.graphql import GraphQL
from tests.support.idempotency import running

CREATE = """mutation($email: String!, $key: String) {
  createContact(idempotencyKey: $key, input: {
    firstName: "Ana", lastName: "Silva", displayName: "Ana Silva", emailAddress: $email
  }) { __typename ... on CreateContactSuccess { contact { id version emailAddress createdAt manager { id } } } }
}"""
TWICE = """mutation {
  first: createGroup(idempotencyKey: "1", input: {displayName: "A", emailAddress: "a@acme.example"}) { ...Made }
  second: createGroup(idempotencyKey: "1", input: {displayName: "A", emailAddress: "a@acme.example"}) { ...Made }
}
fragment Made on CreateGroupResult { ... on CreateGroupSuccess { group { id memberCount members { totalCount } } } }"""


def test_every_mutation_has_the_argument() -> None:
    """Each mutation can be retried safely."""
    mutation = schema._schema.mutation_type
    assert mutation is not None
    for name, field in mutation.fields.items():
        assert field.args["idempotencyKey"].type is GraphQLString, name


async def test_a_retry_gets_the_same_data(graphql: GraphQL, db: Database) -> None:
    """The second request returns the contact of the first, and makes no other."""
    first = await graphql(CREATE, email="ana@acme.example", key="1")
    assert first["createContact"]["__typename"] == "CreateContactSuccess"
    assert await graphql(CREATE, email="ana@acme.example", key="1") == first
    assert await db.contacts.count_documents({}) == 1


async def test_a_retry_within_one_request(graphql: GraphQL) -> None:
    """Two mutations with one key in one request are one."""
    data = await graphql(TWICE)
    assert data["first"]["group"]["id"]
    assert data["first"] == data["second"]


async def test_a_refusal_does_not_use_up_the_key(graphql: GraphQL) -> None:
    """Refused values can be corrected and sent with the same key."""
    refused = await graphql(CREATE, email="ana", key="1")
    assert refused["createContact"]["__typename"] == "InvalidInput"
    made = await graphql(CREATE, email="ana@acme.example", key="1")
    assert made["createContact"]["__typename"] == "CreateContactSuccess"


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb"])
async def test_invalid_keys(graphql: GraphQL, key: str) -> None:
    """A key that is none is an error."""
    assert await code(graphql, "ana@acme.example", key) == "IDEMPOTENCY_KEY_INVALID"


async def test_keys_in_use_and_reused(graphql: GraphQL, db: Database) -> None:
    """A key whose request still runs, or that belongs to another one, is an error."""
    async with running(db, "local", "1"):
        assert await code(graphql, "ana@acme.example", "1") == "IDEMPOTENCY_KEY_IN_USE"
    await graphql(CREATE, email="ana@acme.example", key="1")
    assert await code(graphql, "other@acme.example", "1") == "IDEMPOTENCY_KEY_REUSED"


async def code(graphql: GraphQL, email: str, key: str) -> str:
    """The code of the only error."""
    body = await graphql.raw(CREATE, email=email, key=key)
    assert body["data"] is None
    (error,) = body["errors"]
    found: str = error["extensions"]["code"]
    return found
