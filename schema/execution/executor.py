"""Executes operations: queries of documents on a fast path, everything else with graphql-core.

The fast path compiles a query, once per parsed document, into functions that convert stored documents to the response
(`schema.execution.plan`), and reads only the required fields from MongoDB. It runs before graphql-core's executor
rather than as a subclass of it: creating that executor and visiting the root fields alone takes as long as showing a
page of fifty contacts on the fast path.

It never reports errors. If it does not support an operation, or if anything unexpected happens (null for a non-null
field, a value that does not match its type, an error in a resolver), graphql-core executes the operation from the
start and reports the errors with their paths. That is safe because only queries take the fast path.
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
    Undefined,
    VariableNode,
    Visitor,
    execute,
    get_operation_ast,
    is_non_null_type,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value

from schema.build import schema
from schema.context import Context
from schema.execution.plan import Compiler
from schema.execution.run import Execution, Operation
from schema.execution.shape import Shape, Unexpected, Unsupported

log = structlog.get_logger(__name__)

# Per operation: @skip and @include with n variables can result in 2^n selections.
_MAX_PLANS = 4
# Characters of a document and its variables (as JSON). Longer requests are unlikely to repeat.
_CACHED_LENGTH = 3_000


class Executable:
    """A parsed and validated document, ready to be executed any number of times."""

    def __init__(self, document: DocumentNode, *, hide_suggestions: bool = False) -> None:
        self._document = document
        self._hides = hide_suggestions
        self._queries: dict[str | None, _Query | None] = {}

    async def execute(
        self, operation_name: str | None, variables: Mapping[str, Any], context: Context, *, fast: bool = True
    ) -> ExecutionResult:
        """Execute one of the document's operations. With `fast=False`, always use graphql-core."""
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
            hide_suggestions=self._hides,
        )
        return result if isinstance(result, ExecutionResult) else await result

    def _query(self, name: str | None) -> "_Query | None":
        if name in self._queries:
            return self._queries[name]
        definition = get_operation_ast(self._document, name)
        if definition is None:
            return None  # not cached: clients can invent any number of names
        is_query = definition.operation is OperationType.QUERY
        query = self._queries[name] = _Query(self._document, definition) if is_query else None
        return query


class _Query:
    """A query with its plans, one for each combination of `@skip` and `@include` conditions."""

    def __init__(self, document: DocumentNode, definition: OperationDefinitionNode) -> None:
        fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
        details = {each.name.value: FragmentDetails(each) for each in fragments}
        self._operation = Operation(schema._schema, definition, details)
        found = [get_variable_signature(schema._schema, each) for each in definition.variable_definitions or ()]
        self._signatures = [each for each in found if isinstance(each, GraphQLVariableSignature)]  # all, if it is valid
        self._conditions = _conditions(document)
        self._plans: dict[tuple[object, ...], Shape | None] = {}
        self._length = len(document.loc.source.body) if document.loc else _CACHED_LENGTH

    async def run(self, variables: Mapping[str, Any], context: Context) -> dict[str, Any] | None:
        """The data of the response, or None if graphql-core must execute the query."""
        try:
            given = orjson.dumps(variables)
            if self._length + len(given) <= _CACHED_LENGTH:
                prepared = _prepared(self, given)
            else:
                prepared = self.prepared(variables)
            if prepared.plan is None:
                return None
            run = Execution(self._operation, prepared.variables, context, prepared.arguments)
            (data,) = await prepared.plan.show(run, [{}])
        except Exception as reason:  # graphql-core will run into it again and report it with its path
            log.debug("left to graphql-core", reason=repr(reason))
            return None
        return data

    def prepared(self, variables: Mapping[str, Any]) -> "_Prepared":
        """The query prepared for these variables."""
        values = self._values(variables)
        return _Prepared(values, self._plan(values), {})

    def _values(self, given: Mapping[str, Any]) -> VariableValues:
        """The coerced variables, as by graphql-core's `get_variable_values`. Raises `Unexpected` if one is invalid.

        That function resolves the types of the variables again for each request, which takes 2% of the time of a page.
        """
        sources = {each.name: VariableValueSource(each, given.get(each.name, Undefined)) for each in self._signatures}
        coerced = {}
        for name, (signature, value) in sources.items():
            found = coerce_input_value(value, signature.type) if name in given else coerce_default_value(signature)
            if found is not Undefined:
                coerced[name] = found
            elif name in given or is_non_null_type(signature.type):
                raise Unexpected
        return VariableValues(sources, coerced)

    def _plan(self, variables: VariableValues) -> Shape | None:
        chosen = tuple([variables.coerced.get(name) for name in self._conditions])
        if chosen in self._plans:
            return self._plans[chosen]
        if len(self._plans) == _MAX_PLANS:
            self._plans.clear()
        try:
            plan = Compiler(self._operation, variables).query()
        except Unsupported:
            plan = None
        self._plans[chosen] = plan
        return plan


@dataclass(frozen=True, slots=True)
class _Prepared:
    """The parts of a query that depend only on its variables: their coerced values, the plan (None if graphql-core must
    execute the query), and the arguments of its fields, which are added on first use and never modified.
    """

    variables: VariableValues
    plan: Shape | None
    arguments: dict[object, dict[str, Any]]


# The most frequent requests, such as first pages and dashboards, repeat with the same variables. The cache is small,
# because each entry keeps its document alive and may have its own plan.
@lru_cache(maxsize=128)
def _prepared(query: _Query, variables: bytes) -> _Prepared:
    return query.prepared(orjson.loads(variables))


def _conditions(document: DocumentNode) -> tuple[str, ...]:
    """The variables that the document's `@skip` and `@include` directives depend on."""
    found: set[str] = set()

    class Conditions(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: object) -> None:
            if node.name.value in ("skip", "include"):
                values = [argument.value for argument in node.arguments or ()]
                found.update(value.name.value for value in values if isinstance(value, VariableNode))

    visit(document, Conditions())
    return tuple(sorted(found))
