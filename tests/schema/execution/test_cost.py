"""The cost of operations, counted before they run."""

import time

import pytest
from graphql import parse

from schema.build import schema
from schema.execution.cost import MAX_ITEMS, Cost
from tests.support.graphql import GraphQL

MEMBERS = "members(first: $n) { nodes { id } }"


@pytest.mark.parametrize(
    ("operation", "items"),
    [
        ("{ contactStats { total } }", 0),
        ("{ contacts { nodes { id } } }", 50),
        ("{ contacts(first: 7) { totalCount edges { node { id } } } }", 7),
        ("{ contacts(last: 7) { nodes { id } } }", 7),
        ("{ contacts(first: 100000) { nodes { id } } }", 500),
        ("{ contacts(first: -1) { nodes { id } } }", 0),
        ("{ contacts(first: null) { nodes { id } } }", 50),
        ("{ contacts(first: 10) { nodes { groups(first: 5) { nodes { id } } } } }", 60),
        ("{ contacts(first: 10) { nodes { manager { directReports(first: 2) { nodes { id } } } } } }", 30),
        ("{ a: contacts(first: 3) { nodes { id } } b: contacts(first: 4) { nodes { id } } }", 7),
        ("query($n: Int) { contacts(first: $n) { nodes { id } } }", 20),
        ("query($m: Int = 9) { contacts(first: $m) { nodes { id } } }", 9),
        ('{ nodes(ids: ["a", "b"]) { ... on Contact { groups(first: 5) { nodes { id } } } } }', 12),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", 3),
        (
            "{ contacts(first: 2) { nodes { ...F ...F } } } fragment F on Contact { groups(first: 3) { totalCount } }",
            14,
        ),
        ("{ __schema { types { name } } __typename }", 0),
        ("subscription { contactChanged { contact { groups(first: 6) { nodes { id } } } } }", 6),
    ],
)
def test_items(operation: str, items: int) -> None:
    """The cost of an operation is the number of items its lists could have, multiplied for nested lists."""
    cost = Cost(schema._schema, parse(operation))
    assert cost.items(None, {"n": 20, "ids": ["a", "b", "c"]}) == items


@pytest.mark.usefixtures("untraced")
def test_fragments_within_fragments_cost_no_time() -> None:
    """Nested fragments are each measured once, however large the product is."""
    doubled = [f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60)]
    last = "fragment F60 on Query { contacts(first: 1) { nodes { id } } }"
    began = time.process_time()
    assert Cost(schema._schema, parse(" ".join(["{ ...F0 }", *doubled, last]))).items(None, {}) == 2**60
    assert time.process_time() - began < 1


async def test_too_many_items_are_refused(graphql: GraphQL) -> None:
    """An operation that could return too many items is rejected, and the message says how to request less."""
    operation = (
        f"query($n: Int) {{ contacts(first: $n) {{ nodes {{ groups(first: $n) {{ nodes {{ {MEMBERS} }} }} }} }} }}"
    )
    assert await graphql(operation, n=20) == {"contacts": {"nodes": []}}
    assert "could return 125,250,500 items" in await graphql.error(operation, n=500)
    assert f"the limit is {MAX_ITEMS:,}" in await graphql.error(operation)


@pytest.mark.usefixtures("untraced")
async def test_repeated_fields_are_refused(graphql: GraphQL) -> None:
    """A field that is repeated many times is rejected before validation compares the repetitions in pairs."""
    began = time.process_time()
    assert "repeats a field 1,200 times" in await graphql.error("{" + "contactStats { total } " * 1_200 + "}")
    assert time.process_time() - began < 1
