"""Executes operations: queries of documents on a fast path, everything else by graphql-core.

The fast path compiles a query, once per parsed document, into functions from stored documents to their parts of the
response (`schema.execution.plan`), and asks MongoDB for no more than those read. It stands before graphql-core's
executor, not within it as a subclass: there, making the executor and visiting the root fields already cost as much as
showing a page of fifty contacts costs here.

It never tells what is wrong. Whatever it does not understand when it compiles, and whatever is not as expected when it
runs (a null where none may be, a value that its type does not allow, a resolver that refuses or fails), has graphql-
core execute the operation from the start, which queries allow, and give the errors and their paths.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
import structlog
from graphql import (
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    execute,
    get_operation_ast,
    get_variable_values,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues

from schema.build import schema
from schema.context import Context
from schema.execution.plan import Compiler
from schema.execution.run import Execution, Operation
from schema.execution.shape import NotUnderstood, Shape, Unexpected

log = structlog.get_logger(__name__)

# Of one operation: @skip and @include with n variables leave up to 2^n selections.
_MAX_PLANS = 4
# A document and variables (as JSON) that are longer together most likely do not come again.
_REMEMBERED_LENGTH = 3_000


class Executable:
    """A parsed and validated document, ready to be executed any number of times."""

    def __init__(self, document: DocumentNode) -> None:
        self._document = document
        self._queries: dict[str | None, _Query | None] = {}

    async def execute(
        self, operation_name: str | None, variables: Mapping[str, Any], context: Context, *, fast: bool = True
    ) -> ExecutionResult:
        """Execute one of the document's operations. `fast` is false to have graphql-core do all of it."""
        if fast and (query := self._query(operation_name)):
            data = await query.run(variables, context)
            if data is not None:
                return ExecutionResult(data)
        result = execute(
            schema._schema,
            self._document,
            context_value=context,
            variable_values=dict(variables),
            operation_name=operation_name,
        )
        return result if isinstance(result, ExecutionResult) else await result

    def _query(self, name: str | None) -> "_Query | None":
        if name in self._queries:
            return self._queries[name]
        definition = get_operation_ast(self._document, name)
        if definition is None:  # names that clients make up are not kept
            return None
        is_query = definition.operation is OperationType.QUERY
        query = self._queries[name] = _Query(self._document, definition) if is_query else None
        return query


class _Query:
    """A query with its plans, one for each choice of what `@skip` and `@include` leave of it."""

    def __init__(self, document: DocumentNode, definition: OperationDefinitionNode) -> None:
        fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
        details = {each.name.value: FragmentDetails(each) for each in fragments}
        self._operation = Operation(schema._schema, definition, details)
        self._conditions = _conditions(document)
        self._plans: dict[tuple[object, ...], Shape | None] = {}
        self._length = len(document.loc.source.body) if document.loc else _REMEMBERED_LENGTH

    async def run(self, variables: Mapping[str, Any], context: Context) -> dict[str, Any] | None:
        """The response's data, or None if graphql-core shall execute the query."""
        try:
            given = orjson.dumps(variables)
            if self._length + len(given) <= _REMEMBERED_LENGTH:
                prepared = _prepared(self, given)
            else:
                prepared = self.prepared(variables)
            if prepared.plan is None:
                return None
            run = Execution(self._operation, prepared.variables, context, prepared.arguments)
            (data,) = await prepared.plan.show(run, [{}])
        except Exception as reason:  # whatever it is, graphql-core meets it again and says where
            log.debug("left to graphql-core", reason=repr(reason))
            return None
        return data

    def prepared(self, variables: Mapping[str, Any]) -> "_Prepared":
        """The query as it is with these variables."""
        declared = self._operation.definition.variable_definitions or ()
        coerced = get_variable_values(self._operation.schema, declared, dict(variables))
        if isinstance(coerced, list):  # errors
            raise Unexpected
        return _Prepared(coerced, self._plan(coerced), {})

    def _plan(self, variables: VariableValues) -> Shape | None:
        chosen = tuple([variables.coerced.get(name) for name in self._conditions])
        if chosen in self._plans:
            return self._plans[chosen]
        if len(self._plans) == _MAX_PLANS:
            self._plans.clear()
        try:
            plan = Compiler(self._operation, variables).query()
        except NotUnderstood:
            plan = None
        self._plans[chosen] = plan
        return plan


@dataclass(frozen=True, slots=True)
class _Prepared:
    """All of a query that is the same whenever it comes with the same variables: their values, its plan (None if it is
    graphql-core's), and the arguments of its fields, which are added on first use and which nobody changes.
    """

    variables: VariableValues
    plan: Shape | None
    arguments: dict[object, dict[str, Any]]


# What people look at most comes with the same variables again and again: first pages, dashboards. Few are kept, since
# each keeps its document alive and may hold a plan of its own.
@lru_cache(maxsize=128)
def _prepared(query: _Query, variables: bytes) -> _Prepared:
    return query.prepared(orjson.loads(variables))


def _conditions(document: DocumentNode) -> tuple[str, ...]:
    """The variables that `@skip` and `@include` of the document depend on."""
    found: set[str] = set()

    class Conditions(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: object) -> None:
            if node.name.value in ("skip", "include"):
                values = [argument.value for argument in node.arguments or ()]
                found.update(value.name.value for value in values if isinstance(value, VariableNode))

    visit(document, Conditions())
    return tuple(sorted(found))
