"""Errors as problem details (RFC 9457): one table maps each to an HTTP status, one function to a body. No HTTP here."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus

from resolvers.errors import (
    Busy,
    ContactReadOnly,
    EmailAddressTaken,
    FieldProblem,
    Forbidden,
    GroupReadOnly,
    IdempotencyKeyInUse,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    ImportNotUndoable,
    ImportUnreadable,
    InvalidInput,
    InvalidRequest,
    ManagerCycle,
    NotFound,
    Problem,
    RateLimited,
    SyncAlreadyRunning,
    SyncNotConfigured,
    Unauthenticated,
    VersionConflict,
)
from resolvers.rules import Fields
from storage.documents import Document
from storage.keys import address_key

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1
# The maximum number of fields in an answer, so that a body of unknown names isn't answered with an even larger one.
MAX_FIELDS = 100


class Malformed(Problem):
    """Raised for a body or header that cannot be parsed."""

    code = "MALFORMED"


class InvalidParameters(InvalidRequest):
    """Raised for unknown query parameters and invalid values. Contains all of them."""

    def __init__(self, fields: Sequence[FieldProblem]) -> None:
        super().__init__(" ".join(each.message for each in fields))
        self.fields = fields


class TooLarge(Problem):
    """Raised for a body longer than `limit` bytes."""

    code = "TOO_LARGE"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body exceeds the limit of {limit:,} bytes. Send a smaller one.")


class ForeignOrigin(Problem):
    """Raised if a page of another site sends what browsers allow without a preflight request, such as a form."""

    code = "FOREIGN_ORIGIN"

    def __init__(self) -> None:
        super().__init__(
            "Pages of other sites cannot send this. To allow an origin, add it to CONTACTS_ALLOWED_ORIGINS."
        )


class TlsRequired(Problem):
    """Raised for a request from another machine that was not encrypted, so that anyone could have read its token."""

    code = "TLS_REQUIRED"

    def __init__(self) -> None:
        super().__init__(
            "Use https: this request was not encrypted. If a proxy ends TLS, add its address to "
            "CONTACTS_TRUSTED_PROXIES and let it send X-Forwarded-Proto."
        )


class UnsupportedMediaType(Problem):
    """Raised for a body in a media type or encoding that the path does not support."""

    code = "UNSUPPORTED_MEDIA_TYPE"


class PreconditionFailed(VersionConflict):
    """Raised if the condition in `header` does not hold for the `current` contact."""

    def __init__(self, current: Document, header: str) -> None:
        super().__init__(current, current["version"])
        self.message = (
            f"The condition {header[:200]} is not met: {current['displayName']} ({current['_id']}) is now at version "
            f"{current['version']}. Read it again and repeat the change."
        )


STATUSES: dict[type[Problem], HTTPStatus] = {
    Problem: HTTPStatus.BAD_REQUEST,
    Malformed: HTTPStatus.BAD_REQUEST,
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    IdempotencyKeyInvalid: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    ForeignOrigin: HTTPStatus.FORBIDDEN,
    Forbidden: HTTPStatus.FORBIDDEN,
    TlsRequired: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    EmailAddressTaken: HTTPStatus.CONFLICT,
    ContactReadOnly: HTTPStatus.CONFLICT,
    GroupReadOnly: HTTPStatus.CONFLICT,
    SyncNotConfigured: HTTPStatus.CONFLICT,
    SyncAlreadyRunning: HTTPStatus.CONFLICT,
    ImportNotUndoable: HTTPStatus.CONFLICT,
    IdempotencyKeyInUse: HTTPStatus.CONFLICT,
    VersionConflict: HTTPStatus.PRECONDITION_FAILED,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    ManagerCycle: HTTPStatus.UNPROCESSABLE_ENTITY,
    ImportUnreadable: HTTPStatus.UNPROCESSABLE_ENTITY,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    Busy: HTTPStatus.SERVICE_UNAVAILABLE,
}

# The codes of errors that do not come from a resolver.
HTTP_CODES = {
    HTTPStatus.NOT_FOUND: "NOT_FOUND",
    HTTPStatus.METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED",
    HTTPStatus.MISDIRECTED_REQUEST: "MISDIRECTED",
    HTTPStatus.INTERNAL_SERVER_ERROR: "INTERNAL",
    HTTPStatus.SERVICE_UNAVAILABLE: "UNAVAILABLE",
}
CODES = sorted({*(each.code for each in STATUSES), *HTTP_CODES.values()})


def status(problem: Problem) -> HTTPStatus:
    """The HTTP status of an error. A body that refers to something that does not exist is invalid, not "not found"."""
    if isinstance(problem, NotFound) and problem.field:
        return STATUSES[InvalidInput]
    return next(STATUSES[kind] for kind in type(problem).__mro__ if kind in STATUSES)


def details(code: str, status: int, detail: str, **more: object) -> Document:
    """A problem details object. `more` are its extension members."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **more,
    }


def body(problem: Problem, sent: Fields) -> Document:
    """The problem details of an error. `sent` is the body, whose fields it refers to."""
    fields = list(_fields(problem, sent))
    message = problem.message
    if len(fields) > MAX_FIELDS:
        message = f"{len(fields):,} fields are invalid, including: " + " ".join(f.message for f in fields[:MAX_FIELDS])
    shown = [{"field": f.field, "code": f.code, "message": f.message} for f in fields[:MAX_FIELDS]]
    return details(
        problem.code, status(problem), message, **({"fields": shown} if shown else {}), **_concerned(problem)
    )


def summary(document: Document) -> Document:
    """The fields of a contact or group that a problem contains."""
    return {
        "id": document["_id"],
        "displayName": document["displayName"],
        "emailAddress": document["emailAddress"],
        "version": document["version"],
    }


def _concerned(problem: Problem) -> Document:
    """The contacts or groups that the problem is about."""
    match problem:
        case EmailAddressTaken():
            return {"emailAddress": problem.address, "holder": {"kind": problem.kind, **summary(problem.holder)}}
        case VersionConflict():
            return {"current": summary(problem.current)}
        case ContactReadOnly():
            return {"contact": summary(problem.contact)}
        case ManagerCycle():
            return {"chain": [summary(each) for each in problem.chain]}
        case _:
            return {}


def _fields(problem: Problem, sent: Fields) -> Iterator[FieldProblem]:
    match problem:
        case InvalidInput() | InvalidParameters():
            yield from problem.fields
        case NotFound(field=str(name)):
            yield FieldProblem(name, problem.code, problem.message)
        case ManagerCycle():
            yield FieldProblem("managerId", problem.code, problem.message)
        case EmailAddressTaken():
            for name in _places(problem.address, sent):
                yield FieldProblem(name, problem.code, problem.message)


def _places(address: str, sent: Fields) -> Iterator[str]:
    """The fields of a valid body that contain this address."""
    if address_key(str(sent.get("emailAddress")).strip()) == address:
        yield "emailAddress"
    for index, alias in enumerate(sent.get("aliases") or ()):
        if address_key(str(alias).strip()) == address:
            yield f"aliases[{index}]"
