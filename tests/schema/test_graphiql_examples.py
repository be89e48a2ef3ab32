"""The operations in GraphiQL's tabs, which are the first thing that users run."""

import json
from pathlib import Path

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate
from graphql.execution.values import get_variable_values

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "graphiql" / "examples").glob("*.graphql"))


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema" / "schema.graphql").read_text())


def test_there_are_examples() -> None:
    """There are examples to test."""
    assert EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_valid(path: Path, schema: GraphQLSchema) -> None:
    """The operation is valid in the committed schema."""
    assert validate(schema, parse(path.read_text())) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_variables_are_accepted(path: Path, schema: GraphQLSchema) -> None:
    """The variables have the types that the operation declares, and there are no others."""
    beside = path.with_suffix(".json")
    variables = json.loads(beside.read_text()) if beside.exists() else {}
    operations = [node for node in parse(path.read_text()).definitions if isinstance(node, OperationDefinitionNode)]
    declared = [definition for operation in operations for definition in operation.variable_definitions or ()]
    coerced = get_variable_values(schema, declared, variables)
    assert not isinstance(coerced, list), "\n".join(error.message for error in coerced)
    assert variables.keys() <= {definition.variable.name.value for definition in declared}
