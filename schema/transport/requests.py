"""Checks GraphQL requests, whether they are sent over HTTP or a WebSocket."""

from collections.abc import Mapping
from typing import Any

from resolvers.caller import Caller
from schema.context import Context
from schema.execution.operations import Request
from storage.changes import Author


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
    caller = Caller(state["db"], Author(state["user"], "graphql"), settings.default_region)
    fast_path = settings.fast_path == "on"
    return Context(caller, state["request_id"], state["feed"], state["imports"], fast_path=fast_path)
