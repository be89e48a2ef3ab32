"""Runs GraphQL operations within the limits of the settings, and answers with plain dicts."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Literal, cast

from graphql import ExecutionResult, GraphQLError, OperationType, get_operation_ast, subscribe

from resolvers.errors import RateLimited
from runtime.fairness import first
from schema.build import schema
from schema.context import Context
from schema.execution.capacity import Capacity, Full
from schema.execution.cost import Cost
from schema.execution.documents import Documents, Invalid, Valid
from schema.execution.faults import Json, fault, shown
from schema.execution.persisted import Persisted
from schema.execution.time_limit import TimeLimit
from settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """A GraphQL request from any transport. `may_mutate`: false for GET.

    `document_id`: the ID of a persisted document, `sha256:` with the hash for an automatic persisted query. There is a
    query or an ID, or both.
    """

    query: str | None
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None
    document_id: str | None = None
    may_mutate: bool = True


# What a document costs that cannot be executed: it was read nevertheless.
_INVALID_COST = 1
# Why an operation was not run to its end, if that is not about the operation itself.
Refused = Literal["mutation", "subscription", "busy", "limited", "late"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. `executed`: false if the request itself failed, so that there is no `data`.

    `refused`: `mutation` or `subscription` if the operation cannot be sent this way, `busy` if the caller already runs
    too many, `limited` if they have spent what they may for now, `late` if it took too long.
    """

    body: Json
    executed: bool
    refused: Refused | None = None


class Operations:
    """Runs the operations of a service with these settings."""

    def __init__(self, settings: Settings) -> None:
        self._documents = Documents(settings)
        self._persisted = Persisted(settings)
        self._running = Capacity(settings.max_concurrent_operations)
        self._subscriptions = Capacity(settings.max_subscriptions)
        self._time_limit = TimeLimit(settings.timeout_seconds)
        self._hides = settings.suggestions == "off"

    async def run(self, request: Request, context: Context) -> Answer:
        """Execute a request. Never raises: unexpected errors are logged and answered with the request ID only."""
        document = self._document(request)
        if isinstance(document, Invalid):
            return await _invalid(document, context)
        chosen = document.chosen(request.operation_name)
        if chosen is None:
            return await self._unknown(document, request, context)
        if misplaced := _misplaced(chosen.kind, request):
            return misplaced
        try:
            cost = self._documents.cost(chosen.analysis, request.variables or {})
            await context.spend(cost.total)
            if chosen.answer:
                return Answer(chosen.answer, executed=True)
            with self._running.place(context):
                answer = await self._execute(document, chosen.kind, request, context, cost)
        except GraphQLError as error:
            return Answer({"errors": [error.formatted]}, executed=False)
        except Full:
            return _busy(self._running, "operations")
        except RateLimited as problem:
            return _limited(problem)
        if chosen.is_introspection and "errors" not in answer.body:
            chosen.answer = answer.body
        return answer

    async def stream(self, request: Request, context: Context) -> AsyncGenerator[Answer, None]:
        """Execute a request of any kind: a subscription yields an answer for each event, other operations yield one.

        Never raises. An answer that is not `executed` is the last one.
        """
        document = self._document(request)
        chosen = None if isinstance(document, Invalid) else document.chosen(request.operation_name)
        if isinstance(document, Invalid) or chosen is None or chosen.kind is not OperationType.SUBSCRIPTION:
            yield await self.run(request, context)
            return
        try:
            cost = self._documents.cost(chosen.analysis, request.variables or {})
            await context.spend(cost.total)
            with self._subscriptions.place(context):
                async with aclosing(self._events(document, request, context)) as results:
                    async for result in results:
                        yield _answer(result, context, cost)
        except Full:
            yield _busy(self._subscriptions, "subscriptions")
        except RateLimited as problem:
            yield _limited(problem)
        except Exception as error:  # errors of the event source, expected or not
            raised = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
            yield Answer({"errors": [shown(raised, context, "INVALID")]}, executed=False)

    def fields_read_by(self, request: Request) -> list[str]:
        """The names of the root fields of an operation that reads. Empty for mutations."""
        document = self._document(request)
        if isinstance(document, Invalid):
            return []
        operation = get_operation_ast(document.node, request.operation_name)
        if operation is None or operation.operation is OperationType.MUTATION:
            return []
        return document.root_fields(operation)

    def _document(self, request: Request) -> Valid | Invalid:
        try:
            text = self._persisted.text(request.query, request.document_id)
        except GraphQLError as error:
            return Invalid([error])
        document = self._documents.get(text)
        if request.query is not None and request.document_id and isinstance(document, Valid):
            self._persisted.register(text, request.document_id)
        return document

    async def _execute(
        self, document: Valid, kind: OperationType, request: Request, context: Context, cost: Cost
    ) -> Answer:
        executing = document.executable.execute(
            request.operation_name, request.variables or {}, context, fast=context.fast_path
        )
        if kind is not OperationType.QUERY:
            return _answer(await executing, context, cost)
        try:
            with first, self._time_limit.block():
                return _answer(await executing, context, cost)
        except TimeoutError:
            return self._late()

    async def _unknown(self, document: Valid, request: Request, context: Context) -> Answer:
        """The answer to a request whose operation is not in the document: graphql-core's error."""
        result = await document.executable.execute(request.operation_name, {}, context)
        return _answer(result, context, Cost(0, 0), "UNKNOWN_OPERATION")

    async def _events(
        self, document: Valid, request: Request, context: Context
    ) -> AsyncGenerator[ExecutionResult, None]:
        """The results of a subscription, or one result with the errors why it cannot start."""
        subscribed = subscribe(
            schema._schema,
            document.node,
            context_value=context,
            variable_values=dict(request.variables or {}),
            operation_name=request.operation_name,
            hide_suggestions=self._hides,
        )
        source = await subscribed if isawaitable(subscribed) else subscribed
        if isinstance(source, ExecutionResult):
            yield source
            return
        async with aclosing(cast("AsyncGenerator[ExecutionResult, None]", source)) as results:
            async for result in results:
                yield result

    def _late(self) -> Answer:
        message = (
            f"The query took longer than {self._time_limit.seconds:g} seconds, the limit. Request less at a time, or "
            "search for longer words."
        )
        return Answer({"errors": [fault(message, "TIMEOUT")]}, executed=False, refused="late")


async def _invalid(document: Invalid, context: Context) -> Answer:
    try:
        await context.spend(_INVALID_COST)
    except RateLimited as problem:
        return _limited(problem)
    return Answer({"errors": [error.formatted for error in document.errors]}, executed=False)


def _misplaced(kind: OperationType, request: Request) -> Answer | None:
    """The answer to an operation that cannot be sent this way."""
    if kind is OperationType.SUBSCRIPTION:
        message = "Subscriptions require a WebSocket. Use the subprotocol graphql-transport-ws."
        return Answer({"errors": [fault(message, "WEBSOCKET_REQUIRED")]}, executed=False, refused="subscription")
    if kind is OperationType.MUTATION and not request.may_mutate:
        message = "Mutations cannot be sent with GET. Use POST."
        return Answer({"errors": [fault(message, "METHOD_NOT_ALLOWED")]}, executed=False, refused="mutation")
    return None


def _limited(problem: RateLimited) -> Answer:
    refused = fault(problem.message, problem.code)
    refused["extensions"]["retryAfter"] = problem.retry_after_seconds
    return Answer({"errors": [refused]}, executed=False, refused="limited")


def _busy(capacity: Capacity, what: str) -> Answer:
    message = f"You already run {capacity.places:,} {what} at the same time, the maximum. Wait until some have ended."
    return Answer({"errors": [fault(message, "TOO_MANY_OPERATIONS")]}, executed=False, refused="busy")


def _answer(result: ExecutionResult, context: Context, cost: Cost, code: str = "INVALID_VARIABLES") -> Answer:
    """The answer for a result. `code`: the code of the errors if the operation was not executed."""
    extensions = {"cost": {"fieldCost": cost.field, "typeCost": cost.type}}
    if not result.errors:
        return Answer({"data": result.data, "extensions": extensions}, executed=True)
    executed = result.data is not None or any(error.path is not None for error in result.errors)
    errors = [shown(error, context, "INVALID" if executed else code) for error in result.errors]
    if not executed:
        return Answer({"errors": errors}, executed=False)
    return Answer({"data": result.data, "errors": errors, "extensions": extensions}, executed=True)
