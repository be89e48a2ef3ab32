"""The cost of operations, estimated before they run."""

import time
from typing import Any

import pytest
from graphql import (
    OperationDefinitionNode,
    build_schema,
    get_introspection_query,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
    parse,
    validate,
)
from graphql.type import get_nullable_type
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from resolvers import contacts, groups
from resolvers.caller import Caller
from resolvers.events import Feed
from schema.build import SDL, schema
from schema.context import Context
from schema.execution.cost import Analysis, Cost, Costs
from schema.execution.executor import Executable
from schema.execution.weights import Weights, list_size
from schema.types.history import MOST_CHANGES
from storage.driver import Database
from storage.fields import FIELDS
from tests.support.graphql import GraphQL
from tests.support.random_queries import queries
from tests.support.response_cost import Response

CORE = schema._schema
WEIGHTS = Weights(CORE)
COMMITTED = build_schema(SDL.read_text(encoding="utf-8"))
MEMBERS = "members(first: $n) { nodes { id } }"


def analysis(document: str) -> Analysis:
    """The analysis of the only operation of a document."""
    node = parse(document)
    (operation,) = (each for each in node.definitions if isinstance(each, OperationDefinitionNode))
    return Costs(WEIGHTS, node).of(operation)


@pytest.mark.parametrize(
    ("operation", "fields", "types"),
    [
        ("{ __typename }", 0, 1),
        ("{ contactStats { total } }", 1, 2),
        ("{ contacts { nodes { id } } }", 2, 52),
        ("{ contacts(first: 7) { nodes { id aliases displayName } } }", 2, 9),
        ("{ contacts(first: 7) { edges { cursor node { id } } pageInfo { endCursor } } }", 2, 9),
        ("{ contacts(last: 7) { nodes { id } } }", 2, 9),
        ("{ contacts(first: 7) { totalCount } }", 3, 2),
        ("{ contacts(first: 100000) { nodes { id } } }", 2, 502),
        ("{ contacts(first: -1) { nodes { id } } }", 2, 2),
        ("{ contacts(first: null) { nodes { id } } }", 2, 52),
        ('{ contacts(search: "ann", filter: {source: CLOUD}) { nodes { id } } }', 13, 52),
        ("{ contacts(first: 10) { nodes { manager { id } } } }", 12, 22),
        ("{ contacts(first: 10) { nodes { groups(first: 5) { nodes { id } } } } }", 22, 72),
        ("{ contacts(first: 10) { nodes { history(first: 5) { nodes { changes { field } } } } } }", 112, 272),
        ("{ a: contacts(first: 3) { nodes { id } } b: contacts(first: 4) { nodes { id } } }", 4, 10),
        ("query($n: Int) { contacts(first: $n) { nodes { id } } }", 2, 22),
        ("query($m: Int = 9) { contacts(first: $m) { nodes { id } } }", 2, 11),
        ("query($f: Int) { contacts(first: $f) { nodes { id } } }", 2, 302),
        ("query($x: Int) { contacts(first: $x) { nodes { id } } }", 2, 52),
        ('{ nodes(ids: ["a", "b"]) { id ... on Contact { manager { id } } } }', 3, 5),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", 1, 4),
        (
            "mutation($ids: [ID!]!) { deleteContacts(ids: $ids) { ... on DeleteContactsSuccess { refusals { id } } } }",
            11,
            5,
        ),
        ("subscription { contactChanged { contact { groups(first: 6) { nodes { id } } } } }", 4, 10),
        (
            "{ contacts(first: 2) { nodes { ...F ...F } } } fragment F on Contact { groups(first: 3) { totalCount } }",
            14,
            8,
        ),
        (
            "{ a: contacts(first: 2) { ...F } b: contacts(first: 3) { ...F } } fragment F on ContactConnection "
            "{ nodes { id } }",
            4,
            8,
        ),
    ],
)
def test_cost(operation: str, fields: float, types: float) -> None:
    """The type cost is the weight of all objects, the field cost that of all fields with an object."""
    found = analysis(operation).cost({"n": 20, "ids": ["a", "b", "c"], "f": 300.0})
    assert found == Cost(fields, types)


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize(
    ("each", "last", "fields"),
    [
        ("fragment F{n} on Query {{ ...F{m} ...F{m} }}", "fragment F60 on Query { viewer { name } }", 2**60),
        (
            "fragment F{n} on Contact {{ directReports(first: 1) {{ nodes {{ ...F{m} }} }} "
            "directReports(first: 1) {{ nodes {{ ...F{m} }} }} }}",
            "fragment F60 on Contact { id }",
            None,
        ),
        (
            "fragment F{n} on ContactConnection {{ nodes {{ directReports(first: 1) {{ ...F{m} }} "
            "directReports(first: 1) {{ ...F{m} }} }} }}",
            "fragment F60 on ContactConnection { totalCount }",
            None,
        ),
    ],
)
def test_fragments_within_fragments_cost_no_time(each: str, last: str, fields: float | None) -> None:
    """Nested fragments are each measured once, however large the product is."""
    doubled = [each.format(n=n, m=n + 1) for n in range(60)]
    inner = {"Query": "...F0", "Contact": "contacts { nodes { ...F0 } }"}.get(last.split()[3], "contacts { ...F0 }")
    began = time.process_time()
    found = analysis(" ".join([f"{{ {inner} }}", *doubled, last])).cost({})
    assert fields is None or found.field == fields
    assert time.process_time() - began < 1


async def test_costs_are_reported(graphql: GraphQL) -> None:
    """Every response says what its operation could have cost."""
    found = await graphql.raw("query($n: Int) { contacts(first: $n) { nodes { id } } }", n=3)
    assert found["extensions"] == {"cost": {"fieldCost": 2.0, "typeCost": 5.0}}


async def test_dear_operations_are_refused(graphql: GraphQL) -> None:
    """An operation that could cost too much is rejected, and the message says how to request less."""
    operation = (
        f"query($n: Int) {{ contacts(first: $n) {{ nodes {{ groups(first: $n) {{ nodes {{ {MEMBERS} }} }} }} }} }}"
    )
    assert await graphql(operation, n=20) == {"contacts": {"nodes": []}}
    assert "could cost 127,002,004 (nested lists multiply); the limit is 100,000" in await graphql.error(
        operation, n=500
    )


def test_lists_have_a_size() -> None:
    """Each list of objects in the schema has a size, so that no list is assumed to be endless."""
    missing = []
    for kind in CORE.type_map.values():
        if not is_object_type(kind) or kind.name.startswith("__"):
            continue
        for name, field in kind.fields.items():
            listed = is_list_type(get_nullable_type(field.type)) and not is_leaf_type(get_named_type(field.type))
            if listed and not list_size(field) and not sized_from_above(kind.name, name):
                missing.append(f"{kind.name}.{name}")
    assert missing == []


def sized_from_above(kind: str, name: str) -> bool:
    """Whether the fields that return this type say how long this list of it is."""
    above = [
        field
        for each in CORE.type_map.values()
        if is_object_type(each)
        for field in each.fields.values()
        if kind
        in {get_named_type(field.type).name, *(str(t) for t in getattr(get_named_type(field.type), "types", ()))}
    ]
    sizes = [list_size(field) for field in above]
    return bool(sizes) and all(size and name in (size.sized_fields or ()) for size in sizes)


def test_changes_are_fewer_than_assumed() -> None:
    """A contact has fewer fields than the assumed number of its changes: those of the table, and the manager."""
    assert len(FIELDS) + 1 < MOST_CHANGES


@pytest.fixture
async def context(db: Database, caller: Caller) -> Context:
    """A directory with a few contacts and groups that refer to each other."""
    boss = await contacts.create_contact(caller, person(0))
    made = [await contacts.create_contact(caller, person(n, managerId=boss["_id"])) for n in range(1, 5)]
    for number in range(2):
        address = f"group{number}@acme.example"
        group = await groups.create_group(caller, {"displayName": f"Group {number}", "emailAddress": address})
        await groups.add_contacts(caller, group["_id"], [each["_id"] for each in made])
    await contacts.delete_contact(caller, made[0]["_id"])
    await contacts.update_contact(caller, made[1]["_id"], {"notes": "changed", "company": "Acme"})
    return Context(caller, "request", Feed(db))


def person(number: int, **more: object) -> dict[str, Any]:
    """A contact to create."""
    name, address = f"Person {number}", f"person{number}@acme.example"
    return {"displayName": name, "firstName": "P", "lastName": "N", "emailAddress": address, **more}


VARIABLES = st.fixed_dictionaries({"no": st.booleans()}, optional={"size": st.sampled_from([0, 1, 2, 2.0, 500, None])})


@given(query=queries(CORE, ["nobody"]), variables=VARIABLES)
@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
async def test_estimates_are_never_too_low(context: Context, query: str, variables: dict[str, Any]) -> None:
    """A random query costs at most what was estimated before it ran."""
    assume(not validate(CORE, parse(query)))
    assert_enough(query, variables, (await Executable(parse(query)).execute(None, variables, context)).data)


QUERIES = [
    "{ contacts { nodes { manager { id directReports { nodes { groups { nodes { members { nodes { id } } } } } } }"
    " history { nodes { changes { field } } } } totalCount } deletedContacts { nodes { contact { id } } } }",
    '{ contacts(search: "person", orderBy: {field: COMPANY}, filter: {source: CLOUD}) { edges { node { id } } } }',
    get_introspection_query(directive_is_repeatable=True, schema_description=True, input_value_deprecation=True),
    "{ __schema { types { fields { type { fields { args { name } } } } possibleTypes { enumValues { name } } } } }",
    '{ __type(name: "Contact") { interfaces { possibleTypes { inputFields { name } } } fields { args { name } } } }',
]


@pytest.mark.parametrize("query", QUERIES)
async def test_estimates_of_large_answers(context: Context, query: str) -> None:
    """A query with a large answer costs at most what was estimated before it ran."""
    data = (await Executable(parse(query)).execute(None, {}, context)).data
    assert data
    assert_enough(query, {}, data)


def assert_enough(query: str, variables: dict[str, Any], data: Any) -> None:  # Any: data of any structure
    """Check the estimate for a query against its response."""
    estimate, actual = analysis(query).cost(variables), Response(COMMITTED, query, variables).cost(data)
    assert estimate.field >= actual[0] - 0.01
    assert estimate.type >= actual[1] - 0.01


async def test_introspection_is_estimated_closely(context: Context) -> None:
    """What is estimated for the usual introspection is at most four times what it costs."""
    query = get_introspection_query()
    data = (await Executable(parse(query)).execute(None, {}, context)).data
    assert analysis(query).cost({}).total < 4 * sum(Response(COMMITTED, query, {}).cost(data))
