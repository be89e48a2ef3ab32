"""Checks GraphQL requests, whether they are sent over HTTP or a WebSocket."""

from collections.abc import Mapping
from typing import Any

from resolvers import audit_log
from resolvers.caller import Identity, signed_in
from schema.context import Context
from schema.execution.operations import Answer, Operations, Request

# Characters of a query in the audit log.
_MAX_QUERY = 2_000


class Malformed(Exception):
    """Raised if JSON is not a GraphQL request, with a message that says what to do."""


def checked(given: object) -> Request:
    """The request in this JSON value, with its types checked. Raises `Malformed`."""
    if isinstance(given, list):
        raise Malformed("Batches are not supported. Send one operation per request, as a JSON object.")
    if not isinstance(given, dict):
        raise Malformed("The body must be a JSON object with a query.")
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise Malformed("query is missing. Send the operation as a string.")
    if variables is not None and not isinstance(variables, dict):
        raise Malformed("variables must be a JSON object.")
    if name is not None and not isinstance(name, str):
        raise Malformed("operationName must be a string.")
    if (extensions := given.get("extensions")) is not None and not isinstance(extensions, dict):
        raise Malformed("extensions must be a JSON object.")
    return Request(query, variables, name or None)


# Any: the state contains whatever the application and its middleware put there.
def context(state: Mapping[str, Any]) -> Context:
    """The context of an operation, from the state of its connection."""
    settings = state["settings"]
    identity: Identity = state["identity"]
    request_id: str = state["request_id"]
    caller = signed_in(state["db"], identity, "graphql", settings.default_region, state["address"], request_id)
    return Context(caller, request_id, state["feed"], state["imports"], identity, fast_path=settings.fast_path == "on")


async def record(request: Request, answer: Answer, context: Context, state: Mapping[str, Any]) -> None:
    """Add what the audit log must have of an answer: each refusal and, if the settings say so, reads."""
    caller = context.caller
    while context.refusals:
        await audit_log.record_refusal(
            caller.db, caller.author, context.refusals.pop(), caller.address, caller.request_id
        )
    operations: Operations = state["operations"]
    if state["settings"].audit_reads == "on" and answer.executed and operations.is_read(request):
        await audit_log.record_read(caller, {"operation": request.operation_name, "query": request.query[:_MAX_QUERY]})
