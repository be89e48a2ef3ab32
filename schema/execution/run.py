"""One execution of an operation, as passed to compiled columns."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues
from graphql.pyutils import Path, is_awaitable
from graphql.type import GraphQLResolveInfoHelpers

from schema.context import Context


@dataclass(frozen=True)
class Operation:
    """An operation of a parsed document and the document's fragments."""

    schema: GraphQLSchema
    definition: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]

    @cached_property
    def fragment_definitions(self) -> dict[str, FragmentDefinitionNode]:
        """The fragments' nodes by name."""
        return {name: fragment.definition for name, fragment in self.fragments.items()}


@dataclass(frozen=True, slots=True)
class Execution:
    """An operation with a request's variables and context.

    `arguments`: the arguments of the operation's fields, added on first use.
    """

    operation: Operation
    variables: VariableValues
    context: Context
    arguments: dict[object, dict[str, Any]]

    def info(
        self, parent: GraphQLObjectType, definition: GraphQLField, nodes: list[FieldNode]
    ) -> GraphQLResolveInfo[Context]:
        """The `info` argument of a field's resolver. Its path has no list indices: one call serves many objects."""
        name = nodes[0].name.value
        return GraphQLResolveInfo(
            name,
            nodes,
            definition.type,
            parent,
            Path(None, name, parent.name),
            self.operation.schema,
            self.operation.fragment_definitions,
            None,
            self.operation.definition,
            self.variables,
            self.context,
            is_awaitable,
            None,
            _HELPERS,
        )


async def _gather(awaitables: Sequence[Awaitable[Any]]) -> list[Any]:  # Any: graphql-core's signature
    return list(await asyncio.gather(*awaitables))


_HELPERS = GraphQLResolveInfoHelpers(_gather, lambda awaitables: None)
