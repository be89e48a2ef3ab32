"""Runs GraphQL operations: parsed and validated once per document, executed, and answered with plain dicts.

A document that repeats is neither parsed nor validated again: both are kept in a bounded cache.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Literal, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationType,
    get_operation_ast,
    parse,
    subscribe,
)
from graphql.validation import specified_rules
from strawberry.schema.schema import validate_document

from runtime.fairness import first
from schema.build import schema
from schema.context import Context
from schema.execution import limits
from schema.execution.cost import MAX_ITEMS, Cost
from schema.execution.executor import Executable
from schema.execution.faults import Json, coded, fault, shown

# Characters of all documents that are kept parsed.
_CACHED = 500_000
# A document longer than this is most likely not sent again: it is not worth its memory.
_CACHED_LENGTH = 20_000


@dataclass(frozen=True, slots=True)
class Request:
    """A GraphQL request, however it came in. `may_mutate` is false for GET."""

    query: str
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None
    may_mutate: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer. `executed` is false when the request itself failed, so that there is no `data`.

    `refused`: what kind of operation it was that cannot be sent this way.
    """

    body: Json
    executed: bool
    refused: Literal["mutation", "subscription"] | None = None


@dataclass(frozen=True, slots=True)
class _Document:
    """A parsed document, or why it cannot be run."""

    node: DocumentNode | None
    errors: Sequence[GraphQLError] = ()
    executable: Executable | None = None
    cost: Cost | None = None

    def too_many(self, request: Request) -> GraphQLError | None:
        """The refusal of an operation that could answer with more items than one answer should hold."""
        if self.cost is None or self.cost.always_fits(request.operation_name):
            return None
        items = self.cost.items(request.operation_name, request.variables or {})
        if items <= MAX_ITEMS:
            return None
        return limits.too_large(
            f"The lists of this operation could have {items:,} items, those within one another multiplied; "
            f"{MAX_ITEMS:,} are the most. Ask for shorter pages with first, or for less at a time."
        )


class _Cache:
    """Documents by their text, the least recently used forgotten first.

    A parsed document takes about a hundred times the memory of its text, so what counts is the length of all texts.
    """

    def __init__(self, capacity: int) -> None:
        self._documents: OrderedDict[str, _Document] = OrderedDict()
        self._room = capacity

    def get(self, query: str) -> _Document:
        found = self._documents.get(query)
        if found is None:
            found = _parsed(query)
            if len(query) <= _CACHED_LENGTH:
                self._documents[query] = found
                self._room -= len(query)
                while self._room < 0:
                    forgotten, _ = self._documents.popitem(last=False)
                    self._room += len(forgotten)
        else:
            self._documents.move_to_end(query)
        return found


_cache = _Cache(_CACHED)


async def run(request: Request, context: Context) -> Answer:
    """Execute a request. Never raises: what nobody expected is logged, and answered with the request's id alone."""
    document = _cache.get(request.query)
    if document.node is None or document.executable is None:
        return Answer({"errors": [error.formatted for error in document.errors]}, executed=False)
    kind = _kind(document.node, request.operation_name)
    if kind is OperationType.SUBSCRIPTION:
        message = "A subscription must be sent over a WebSocket with the subprotocol graphql-transport-ws."
        return Answer({"errors": [fault(message, "WEBSOCKET_REQUIRED")]}, executed=False, refused="subscription")
    if kind is OperationType.MUTATION and not request.may_mutate:
        message = "A mutation must be sent with POST, since GET may be repeated by anyone on the way."
        return Answer({"errors": [fault(message, "METHOD_NOT_ALLOWED")]}, executed=False, refused="mutation")
    if error := document.too_many(request):
        return Answer({"errors": [error.formatted]}, executed=False)
    executing = document.executable.execute(
        request.operation_name, request.variables or {}, context, fast=context.fast_path
    )
    if kind is OperationType.QUERY:
        with first:
            result = await executing
    else:
        result = await executing
    return _answer(result, context, "INVALID_VARIABLES" if kind else "UNKNOWN_OPERATION")


async def stream(request: Request, context: Context) -> AsyncGenerator[Answer, None]:
    """Execute a request of any kind: a subscription has an answer for each event, another operation one.

    Never raises, as `run`: an answer that is not executed is the last one.
    """
    node = _cache.get(request.query).node
    if node is None or _kind(node, request.operation_name) is not OperationType.SUBSCRIPTION:
        yield await run(request, context)
        return
    try:
        async with aclosing(_events(node, request, context)) as results:
            async for result in results:
                yield _answer(result, context)
    except Exception as error:  # what the source of events raises, refusals and defects alike
        raised = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
        yield Answer({"errors": [shown(raised, context, "INVALID")]}, executed=False)


async def _events(node: DocumentNode, request: Request, context: Context) -> AsyncGenerator[ExecutionResult, None]:
    """The results of a subscription, or the one that says why it cannot begin."""
    document = _cache.get(request.query)
    error = document.too_many(request)
    if errors := [*document.errors, *([error] if error else [])]:
        yield ExecutionResult(None, errors)
        return
    subscribed = subscribe(
        schema._schema,
        node,
        context_value=context,
        variable_values=dict(request.variables or {}),
        operation_name=request.operation_name,
    )
    source = await subscribed if isawaitable(subscribed) else subscribed
    if isinstance(source, ExecutionResult):
        yield source
        return
    async with aclosing(cast("AsyncGenerator[ExecutionResult, None]", source)) as results:
        async for result in results:
            yield result


def _parsed(query: str) -> _Document:
    try:
        node = parse(query, max_tokens=limits.MAX_TOKENS)
    except GraphQLError as error:
        return _Document(None, [limits.too_many_tokens()] if _is_endless(error) else coded([error], "PARSE_FAILED"))
    except RecursionError:
        return _Document(None, [limits.too_nested()])
    if refused := limits.refusal(node):
        return _Document(None, [refused])
    if errors := validate_document(schema._schema, node, specified_rules):
        return _Document(node, coded(errors, "VALIDATION_FAILED"))
    return _Document(node, [], Executable(node), Cost(schema._schema, node))


def _is_endless(error: GraphQLError) -> bool:
    """Whether graphql-core gave up on a document because of its length."""
    return error.message == f"Syntax Error: Document contains more than {limits.MAX_TOKENS} tokens. Parsing aborted."


def _kind(document: DocumentNode, operation_name: str | None) -> OperationType | None:
    operation = get_operation_ast(document, operation_name)
    return None if operation is None else operation.operation


def _answer(result: ExecutionResult, context: Context, code: str = "INVALID_VARIABLES") -> Answer:
    """The answer to what was executed, or was not: then the errors have this code."""
    if not result.errors:
        return Answer({"data": result.data}, executed=True)
    executed = result.data is not None or any(error.path is not None for error in result.errors)
    errors = [shown(error, context, "INVALID" if executed else code) for error in result.errors]
    if not executed:
        return Answer({"errors": errors}, executed=False)
    return Answer({"data": result.data, "errors": errors}, executed=True)
