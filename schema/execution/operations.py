"""Runs GraphQL operations: parses and validates each document once, executes it, and answers with plain dicts.

Parsed and validated documents are kept in a bounded cache.
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

# Total characters of the cached documents.
_CACHED = 500_000
# Longer documents are not cached: they are unlikely to repeat.
_CACHED_LENGTH = 20_000


@dataclass(frozen=True, slots=True)
class Request:
    """A GraphQL request from any transport. `may_mutate`: false for GET."""

    query: str
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None
    may_mutate: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. `executed`: false if the request itself failed, so that there is no `data`.

    `refused`: the kind of operation, if it cannot be sent this way.
    """

    body: Json
    executed: bool
    refused: Literal["mutation", "subscription"] | None = None


@dataclass(frozen=True, slots=True)
class _Document:
    """A parsed document, or the errors why it cannot be executed."""

    node: DocumentNode | None
    errors: Sequence[GraphQLError] = ()
    executable: Executable | None = None
    cost: Cost | None = None

    def too_many(self, request: Request) -> GraphQLError | None:
        """The error if the operation could return more than `MAX_ITEMS` items."""
        if self.cost is None or self.cost.always_fits(request.operation_name):
            return None
        items = self.cost.items(request.operation_name, request.variables or {})
        if items <= MAX_ITEMS:
            return None
        return limits.too_large(
            f"This operation could return {items:,} items (nested lists multiply); the limit is {MAX_ITEMS:,}. "
            "Request shorter pages with `first`, or less at a time."
        )


class _Cache:
    """A least-recently-used cache of documents by their text.

    A parsed document takes about a hundred times the memory of its text, so the capacity is the total length of texts.
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
                    removed, _ = self._documents.popitem(last=False)
                    self._room += len(removed)
        else:
            self._documents.move_to_end(query)
        return found


_cache = _Cache(_CACHED)


async def run(request: Request, context: Context) -> Answer:
    """Execute a request. Never raises: unexpected errors are logged and answered with the request ID only."""
    document = _cache.get(request.query)
    if document.node is None or document.executable is None:
        return Answer({"errors": [error.formatted for error in document.errors]}, executed=False)
    kind = _kind(document.node, request.operation_name)
    if kind is OperationType.SUBSCRIPTION:
        message = "Subscriptions require a WebSocket. Use the subprotocol graphql-transport-ws."
        return Answer({"errors": [fault(message, "WEBSOCKET_REQUIRED")]}, executed=False, refused="subscription")
    if kind is OperationType.MUTATION and not request.may_mutate:
        message = "Mutations cannot be sent with GET. Use POST."
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
    """Execute a request of any kind: a subscription yields an answer for each event, other operations yield one.

    Never raises. An answer that is not `executed` is the last one.
    """
    node = _cache.get(request.query).node
    if node is None or _kind(node, request.operation_name) is not OperationType.SUBSCRIPTION:
        yield await run(request, context)
        return
    try:
        async with aclosing(_events(node, request, context)) as results:
            async for result in results:
                yield _answer(result, context)
    except Exception as error:  # errors of the event source, expected or not
        raised = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
        yield Answer({"errors": [shown(raised, context, "INVALID")]}, executed=False)


async def _events(node: DocumentNode, request: Request, context: Context) -> AsyncGenerator[ExecutionResult, None]:
    """The results of a subscription, or one result with the errors why it cannot start."""
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


def is_read(request: Request) -> bool:
    """Whether a request reads: any operation but a mutation."""
    node = _cache.get(request.query).node
    return node is not None and _kind(node, request.operation_name) is not OperationType.MUTATION


def _parsed(query: str) -> _Document:
    try:
        node = parse(query, max_tokens=limits.MAX_TOKENS)
    except GraphQLError as error:
        return _Document(None, [limits.too_many_tokens()] if _exceeds_tokens(error) else coded([error], "PARSE_FAILED"))
    except RecursionError:
        return _Document(None, [limits.too_nested()])
    if refused := limits.refusal(node):
        return _Document(None, [refused])
    if errors := validate_document(schema._schema, node, specified_rules):
        return _Document(node, coded(errors, "VALIDATION_FAILED"))
    return _Document(node, [], Executable(node), Cost(schema._schema, node))


def _exceeds_tokens(error: GraphQLError) -> bool:
    """Whether graphql-core stopped parsing because of the token limit."""
    return error.message == f"Syntax Error: Document contains more than {limits.MAX_TOKENS} tokens. Parsing aborted."


def _kind(document: DocumentNode, operation_name: str | None) -> OperationType | None:
    operation = get_operation_ast(document, operation_name)
    return None if operation is None else operation.operation


def _answer(result: ExecutionResult, context: Context, code: str = "INVALID_VARIABLES") -> Answer:
    """The answer for a result. `code`: the code of the errors if the operation was not executed."""
    if not result.errors:
        return Answer({"data": result.data}, executed=True)
    executed = result.data is not None or any(error.path is not None for error in result.errors)
    errors = [shown(error, context, "INVALID" if executed else code) for error in result.errors]
    if not executed:
        return Answer({"errors": errors}, executed=False)
    return Answer({"data": result.data, "errors": errors}, executed=True)
