"""Errors as clients see them: a message for people, and a code for programs in the extensions.

    MALFORMED                     not a valid GraphQL request: its body, form or parameters; or a batch
    PARSE_FAILED                  the document has a syntax error
    VALIDATION_FAILED             the document does not match the schema
    UNKNOWN_OPERATION             no operation has this name, or there are several and no name was given
    INVALID_VARIABLES             the variables do not match the operation
    TOO_LARGE                     the body, the document or the requested data exceeds a limit
    PERSISTED_QUERY_NOT_FOUND     no document has this ID: send the document with its hash
    PERSISTED_QUERY_NOT_SUPPORTED automatic persisted queries are turned off: send the document
    PERSISTED_QUERY_HASH_MISMATCH the hash is not that of the document
    QUERY_NOT_IN_SAFELIST         only trusted documents are executed, and this is not one
    METHOD_NOT_ALLOWED            GET for a mutation, or a method other than GET and POST
    WEBSOCKET_REQUIRED            a subscription was not sent over a WebSocket
    NOT_ACCEPTABLE                no available media type matches the Accept header
    UNSUPPORTED_MEDIA_TYPE        the media type, charset or encoding of the body is not supported
    UNAUTHENTICATED               the caller has not signed in, or with a token that is not valid
    FORBIDDEN                     the caller's role does not allow this
    FOREIGN_ORIGIN                the request comes from a page of another site, which is not allowed
    RATE_LIMITED            the caller has spent what they may for now; `retryAfter` says for how many seconds
    TOO_MANY_OPERATIONS           the caller or the WebSocket already runs the maximum number of operations
    TIMEOUT                       the query took longer than the time limit
    INTROSPECTION_DISABLED        the document uses introspection, which is turned off
    UNAVAILABLE                   the database is temporarily unavailable
    INTERNAL                      an error in the service, logged with the request ID

Errors of `resolvers.errors` that are not returned as data have their own codes, such as INVALID and EVENTS_MISSED.
"""

from collections.abc import Sequence
from typing import Any

import structlog
from graphql import GraphQLError

from resolvers.errors import Forbidden, Problem
from schema.context import Context
from storage.driver import Overdue, Unavailable

log = structlog.get_logger(__name__)

# Extensions hold any JSON.
Json = dict[str, Any]


def fault(message: str, code: str) -> Json:
    """An error of the whole request."""
    return {"message": message, "extensions": {"code": code}}


def coded(errors: Sequence[GraphQLError], code: str) -> Sequence[GraphQLError]:
    """These errors, each with this code unless it has one."""
    for error in errors:
        error.extensions = {"code": code, **(error.extensions or {})}
    return errors


def shown(error: GraphQLError, context: Context, code: str) -> Json:
    """The error as sent: errors in the request with details and this code, other errors with the request ID only."""
    formatted: Json = dict(error.formatted)
    match error.original_error:
        case None | GraphQLError():
            return {"extensions": {"code": code}, **formatted}
        case Forbidden() as problem:
            context.refusals.append(problem)
            return formatted | {"extensions": {"code": problem.code}}
        case Problem() as problem:
            return formatted | {"extensions": {"code": problem.code}}
        case defect if isinstance(defect, Overdue):
            message = "MongoDB stopped the query because it took too long. Request less at a time."
            return formatted | {"message": message, "extensions": {"code": "TIMEOUT"}}
        case defect if isinstance(defect, Unavailable):
            log.warning("database unavailable", path=error.path, error=str(defect))
            message = (
                "The database cannot be reached at the moment. Try again later. "
                f"The request ID is {context.request_id}."
            )
            return _unexplained(formatted, "UNAVAILABLE", message, context)
        case defect:
            log.error("field failed", path=error.path, exc_info=defect)
            message = (
                "Something went wrong in the service. "
                f"Report the request ID {context.request_id} to the administrators."
            )
            return _unexplained(formatted, "INTERNAL", message, context)


def _unexplained(formatted: Json, code: str, message: str, context: Context) -> Json:
    """An error without details, which clients can report by its request ID."""
    return formatted | {"message": message, "extensions": {"code": code, "requestId": context.request_id}}
