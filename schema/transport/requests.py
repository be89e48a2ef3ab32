"""Checks GraphQL requests, whether they are sent over HTTP or a WebSocket."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from resolvers import audit_log
from resolvers.caller import Identity, signed_in
from resolvers.rate_limits import payer
from schema.context import Context
from schema.execution.operations import Answer, Request

# What clients call the ID of a persisted document: GraphQL over HTTP, and Relay's examples.
DOCUMENT_IDS = ("documentId", "doc_id", "id")


class Malformed(Exception):
    """Raised if JSON is not a GraphQL request, with a message that says what to do."""


def checked(given: object) -> Request:
    """The request in this JSON value, with its types checked. Raises `Malformed`."""
    if isinstance(given, list):
        raise Malformed("Batches are not supported. Send one operation per request, as a JSON object.")
    if not isinstance(given, dict):
        raise Malformed("The body must be a JSON object with a query.")
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    document_id = _document_id(given)
    if not (query is None and document_id) and not (isinstance(query, str) and query.strip()):
        raise Malformed("query is missing. Send the operation as a string, or the documentId of a persisted document.")
    if variables is not None and not isinstance(variables, dict):
        raise Malformed("variables must be a JSON object.")
    if name is not None and not isinstance(name, str):
        raise Malformed("operationName must be a string.")
    return Request(query if isinstance(query, str) else None, variables, name or None, document_id)


def _document_id(given: Mapping[str, object]) -> str | None:
    """The ID of a persisted document, as GraphQL over HTTP, Relay or Apollo send it. Raises `Malformed`."""
    extensions = given.get("extensions")
    if extensions is not None and not isinstance(extensions, dict):
        raise Malformed("extensions must be a JSON object.")
    if isinstance(persisted := (extensions or {}).get("persistedQuery"), dict):
        digest = persisted.get("sha256Hash")
        if persisted.get("version") != 1 or not isinstance(digest, str):
            raise Malformed("extensions.persistedQuery must have the version 1 and a sha256Hash.")
        return f"sha256:{digest.lower()}"
    for name in DOCUMENT_IDS:
        if (found := given.get(name)) is not None:
            if not isinstance(found, str) or not found:
                raise Malformed(f"{name} must be a string.")
            return found
    return None


# Any: the state contains whatever the application and its middleware put there.
def context(state: Mapping[str, Any]) -> Context:
    """The context of an operation, from the state of its connection."""
    settings = state["settings"]
    identity: Identity = state["identity"]
    request_id: str = state["request_id"]
    caller = signed_in(state["db"], identity, "graphql", settings.default_region, state["address"], request_id)
    used = Context(caller, request_id, state["feed"], state["imports"], identity, fast_path=settings.fast_path == "on")
    if limit := state["rate_limit"]:
        used.spend = partial(limit.spend, payer(identity, state["address"], signs_in=settings.auth != "none"))
    return used


async def record(request: Request, answer: Answer, context: Context, state: Mapping[str, Any]) -> None:
    """Add what the audit log must have of an answer: each refusal and, if the settings say so, reads.

    A subscription is one read, however many answers it has. Reads are recorded without values, which can be personal.
    Nobody avoids that by leaving: it is finished even if the operation is canceled.
    """
    is_read = state["settings"].audit_reads == "on" and answer.executed and not context.is_recorded
    if is_read or context.refusals:
        fields = state["operations"].fields_read_by(request) if is_read else []
        await asyncio.shield(_record(request, fields, context))


async def _record(request: Request, fields: list[str], context: Context) -> None:
    caller = context.caller
    while context.refusals:
        await audit_log.record_refusal(
            caller.db, caller.author, context.refusals.pop(), caller.address, caller.request_id
        )
    if fields:
        context.is_recorded = True
        await audit_log.record_read(caller, {"operation": request.operation_name, "fields": fields})
