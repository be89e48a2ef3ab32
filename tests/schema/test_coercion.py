"""Variables and arguments get graphql-core's values, or are left to it."""

import re
from contextlib import suppress
from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    parse,
    validate,
)
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values
from hypothesis import given
from hypothesis import strategies as st

from schema.build import schema
from schema.execution import coercion

SCHEMA = build_schema("""
    enum Kind { A B }
    input Inner { kind: Kind = B, ids: [ID!], more: [Inner], needed: Int! }
    input OneOf @oneOf { a: Int, b: String }
    type Query {
        f(n: Int = 7, m: Int!, text: String, on: Boolean, number: Float, kind: Kind, kinds: [Kind!] = [A], inner: Inner,
          inners: [Inner!], oneOf: OneOf, withDefault: Inner = {needed: 1}): Int
    }
""")
DECLARED = {
    "n": "Int",
    "m": "Int!",
    "d": "Int = 3",
    "text": "String",
    "on": "Boolean",
    "number": "Float",
    "kind": "Kind",
    "kinds": "[Kind!]",
    "inner": "Inner",
    "inners": "[Inner!]",
    "oneOf": "OneOf",
}
SCALARS = st.none() | st.booleans() | st.integers(-3, 2**33) | st.floats(allow_nan=False) | st.sampled_from(["A", "x"])
NAMES = st.sampled_from(["kind", "ids", "more", "needed", "a", "b", "other"])
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)
# What is right more often than not, so that much of it is accepted.
INNER = st.fixed_dictionaries(
    {"needed": st.integers(0, 9)},
    optional={"kind": st.sampled_from(["A", "B", None]), "ids": st.lists(st.sampled_from(["a", 1])), "more": JSON},
)
VALUES = st.fixed_dictionaries(
    {"m": st.integers(0, 9) | JSON},
    optional=dict.fromkeys(("n", "d", "text", "on", "number", "oneOf"), JSON)
    | {"kind": st.sampled_from(["A", "B", "C"]), "kinds": st.lists(st.sampled_from(["A", "B"])) | JSON}
    | {"inner": INNER | JSON, "inners": st.lists(INNER) | JSON},
)
LITERALS = [
    "m: $m",
    "m: 1, n: $n",
    "m: 1, n: null",
    "m: $d",
    "m: 2, text: $text, on: $on, number: $number",
    'm: 2, text: "x", on: true, number: 1',
    "m: 2, kind: $kind, kinds: $kinds",
    "m: 2, kind: A, kinds: [A, B]",
    "m: 2, kinds: A",
    "m: 2, inner: $inner, inners: $inners",
    "m: 2, inner: {needed: 3}",
    'm: 2, inner: {needed: $m, kind: $kind, ids: [1, "b"]}',
    "m: 2, inner: {needed: $d, more: [$inner, null, {needed: 1, kind: null}]}",
    "m: 2, inner: {needed: $d, more: $inners}",
    "m: 2, inners: {needed: 1}",
    "m: 2, oneOf: {a: 1}, withDefault: {needed: 1}",
    "m: 2, oneOf: $oneOf, withDefault: $inner",
]
RIGHT = {
    "n": 1,
    "m": 2,
    "d": 4,
    "text": "x",
    "on": True,
    "number": 1.5,
    "kind": "A",
    "kinds": ["B"],
    "inner": {"needed": 1, "more": [{"needed": 2}]},
    "inners": [{"needed": 3, "kind": None}],
    "oneOf": {"b": "x"},
}


def parsed(query: str, of: GraphQLSchema) -> tuple[OperationDefinitionNode, GraphQLField, FieldNode]:
    """The operation of a valid document, and its only field."""
    document = parse(query)
    assert not validate(of, document)
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    (node,) = operation.selection_set.selections
    assert isinstance(node, FieldNode)
    assert of.query_type
    return operation, of.query_type.fields[node.name.value], node


# The coerced variables, the values they come from, and the arguments.
Found = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]


def shown(variables: VariableValues, arguments: dict[str, Any]) -> Found:
    """What can be compared."""
    return variables.coerced, {name: source.value for name, source in variables.sources.items()}, arguments


def core(operation: OperationDefinitionNode, field: GraphQLField, node: FieldNode, values: Any) -> Found | None:
    """The variables and arguments by graphql-core, None where it refuses."""
    variables = get_variable_values(SCHEMA, operation.variable_definitions or (), values)
    if isinstance(variables, list):
        return None
    with suppress(GraphQLError):
        return shown(variables, get_argument_values(field, node, variables))
    return None


def ours(operation: OperationDefinitionNode, field: GraphQLField, node: FieldNode, values: Any) -> Found | None:
    """The variables and arguments by our functions, None where they leave them to graphql-core."""
    with suppress(Exception):
        variables = coercion.Variables(SCHEMA, operation).coerce(values)
        return shown(variables, coercion.arguments(field, node).all(variables.coerced))
    return None


def asking(literals: str) -> tuple[OperationDefinitionNode, GraphQLField, FieldNode]:
    """A query with these arguments, which declares the variables that it uses."""
    used = re.findall(r"\$(\w+)", literals)
    declared = ", ".join(f"${name}: {kind}" for name, kind in DECLARED.items() if name in used)
    return parsed(f"query{f'({declared})' if declared else ''} {{ f({literals}) }}", SCHEMA)


@given(values=VALUES, literals=st.sampled_from(LITERALS))
def test_same_values(values: dict[str, Any], literals: str) -> None:
    """What is coerced is what graphql-core coerces it to, and nothing that it refuses is."""
    asked = asking(literals)
    found = ours(*asked, values)
    assert found is None or found == core(*asked, values)


@pytest.mark.parametrize("literals", LITERALS)
def test_what_is_right_is_coerced(literals: str) -> None:
    """Where all values are as their types say, only one-of inputs are left to graphql-core."""
    asked = asking(literals)
    right = core(*asked, RIGHT)
    assert right is not None
    assert ours(*asked, RIGHT) == (None if "oneOf" in literals else right)


@pytest.mark.parametrize(
    ("variables", "literals"),
    [
        ({"first": 3, "filter": {"source": "CLOUD", "ids": ["a"]}}, "first: $first, filter: $filter"),
        ({}, "first: 3, filter: {source: CLOUD}, orderBy: {field: COMPANY}"),
        ({"source": "SYNCED"}, "filter: {source: $source}"),
        ({"search": None}, "search: $search"),
    ],
)
def test_what_is_asked_for_most_is_understood(variables: dict[str, Any], literals: str) -> None:
    """Neither variables nor literals of an ordinary list are left to graphql-core."""
    kinds = {"first": "Int", "filter": "ContactFilter", "source": "ContactSource", "search": "String"}
    declared = ", ".join(f"${name}: {kinds[name]}" for name in variables)
    inside = f"contacts({literals}) {{ totalCount }}"
    query = f"query ({declared}) {{ {inside} }}" if declared else f"{{ {inside} }}"
    operation, field, node = parsed(query, schema._schema)
    coerced = coercion.Variables(schema._schema, operation).coerce(variables)
    assert coercion.arguments(field, node).all(coerced.coerced) == get_argument_values(field, node, coerced)
