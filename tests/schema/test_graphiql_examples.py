"""The operations that GraphiQL opens with: they are the first thing an explorer runs."""

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
    """The tests below have something to look at."""
    assert EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_valid(path: Path, schema: GraphQLSchema) -> None:
    """The operation asks only for what the committed schema has."""
    assert validate(schema, parse(path.read_text())) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_variables_are_accepted(path: Path, schema: GraphQLSchema) -> None:
    """The variables beside the operation have its types, and none is left over."""
    beside = path.with_suffix(".json")
    variables = json.loads(beside.read_text()) if beside.exists() else {}
    operations = [node for node in parse(path.read_text()).definitions if isinstance(node, OperationDefinitionNode)]
    declared = [definition for operation in operations for definition in operation.variable_definitions or ()]
    coerced = get_variable_values(schema, declared, variables)
    assert not isinstance(coerced, list), "\n".join(error.message for error in coerced)
    assert variables.keys() <= {definition.variable.name.value for definition in declared}
