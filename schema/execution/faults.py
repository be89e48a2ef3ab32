"""Errors as clients see them: a sentence for people, and in the extensions a code for programs.

    MALFORMED               the request is none of GraphQL: its body, form, parameters, or a batch
    PARSE_FAILED            the document breaks the syntax of GraphQL
    VALIDATION_FAILED       the document does not fit the schema
    UNKNOWN_OPERATION       no operation has the name, or several have none
    INVALID_VARIABLES       the variables do not fit the operation
    TOO_LARGE               the body, the document or what it asks for exceeds a limit
    METHOD_NOT_ALLOWED      GET for a mutation, or another method than GET and POST
    WEBSOCKET_REQUIRED      a subscription that is not sent over a WebSocket
    NOT_ACCEPTABLE          an answer is wanted in no media type that there is
    UNSUPPORTED_MEDIA_TYPE  the body has another media type, charset or encoding
    FOREIGN_ORIGIN          a page of another site sends what it may not
    TOO_MANY_OPERATIONS     a WebSocket runs as many as it may
    UNAVAILABLE             the database does not answer at the moment
    INTERNAL                a defect of the service; the log has it by the request's id

The refusals of `resolvers.errors` that are no data have their own codes, such as INVALID and EVENTS_MISSED.
"""

from collections.abc import Sequence
from typing import Any

import structlog
from graphql import GraphQLError

from resolvers.errors import Problem
from schema.context import Context
from storage.driver import Unavailable

log = structlog.get_logger(__name__)

# Extensions hold any JSON.
Json = dict[str, Any]


def fault(message: str, code: str) -> Json:
    """An error of the request as a whole."""
    return {"message": message, "extensions": {"code": code}}


def coded(errors: Sequence[GraphQLError], code: str) -> Sequence[GraphQLError]:
    """These errors, each with the code unless it has one."""
    for error in errors:
        error.extensions = {"code": code, **(error.extensions or {})}
    return errors


def shown(error: GraphQLError, context: Context, code: str) -> Json:
    """The error as it is sent: mistakes in the request as they are, with this code, and defects by request id only."""
    formatted: Json = dict(error.formatted)
    match error.original_error:
        case None | GraphQLError():
            return {"extensions": {"code": code}, **formatted}
        case Problem() as problem:
            return formatted | {"extensions": {"code": problem.code}}
        case defect if isinstance(defect, Unavailable):
            log.warning("database unavailable", path=error.path, error=str(defect))
            message = (
                f"The database cannot be reached at the moment. Try again soon; the request id is {context.request_id}."
            )
            return _unexplained(formatted, "UNAVAILABLE", message, context)
        case defect:
            log.error("field failed", path=error.path, exc_info=defect)
            message = f"Something went wrong on our side. Report the request id {context.request_id}."
            return _unexplained(formatted, "INTERNAL", message, context)


def _unexplained(formatted: Json, code: str, message: str, context: Context) -> Json:
    """An error of which clients learn no more than how to ask about it."""
    return formatted | {"message": message, "extensions": {"code": code, "requestId": context.request_id}}
