"""Refusals as problem details (RFC 9457): one table gives each its HTTP status, one function its body. No HTTP here."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus

from resolvers.errors import (
    Busy,
    ContactReadOnly,
    EmailAddressTaken,
    FieldProblem,
    GroupReadOnly,
    ImportNotUndoable,
    ImportUnreadable,
    InvalidInput,
    InvalidRequest,
    ManagerCycle,
    NotFound,
    Problem,
    SyncAlreadyRunning,
    SyncNotConfigured,
    VersionConflict,
)
from resolvers.rules import Fields
from storage.documents import Document
from storage.keys import address_key

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1
# An answer names at most so many fields: a body of nothing but unknown names must not be answered with a larger one.
MAX_FIELDS = 100


class Malformed(Problem):
    """Raised for a body or a header that cannot be read at all."""

    code = "MALFORMED"


class InvalidParameters(InvalidRequest):
    """Raised for query parameters that do not exist or have values that they cannot have; names all of them."""

    def __init__(self, fields: Sequence[FieldProblem]) -> None:
        super().__init__(" ".join(each.message for each in fields))
        self.fields = fields


class TooLarge(Problem):
    """Raised for a body longer than `limit` bytes."""

    code = "TOO_LARGE"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is larger than {limit:,} bytes, which is the most that is taken here.")


class ForeignOrigin(Problem):
    """Raised for what a page of another site sends and a browser does not ask about first, such as a form."""

    code = "FOREIGN_ORIGIN"

    def __init__(self) -> None:
        super().__init__("Pages of other sites cannot send this here, unless CONTACTS_ALLOWED_ORIGINS names them.")


class UnsupportedMediaType(Problem):
    """Raised for a body of another media type or encoding than the path takes."""

    code = "UNSUPPORTED_MEDIA_TYPE"


class PreconditionFailed(VersionConflict):
    """Raised when the `header` asks for another state than the `current` contact's."""

    def __init__(self, current: Document, header: str) -> None:
        super().__init__(current, current["version"])
        self.message = (
            f"{header[:200]} does not hold: {current['displayName']} ({current['_id']}) has version "
            f"{current['version']}. Read it again, and repeat the change on what it is now."
        )


STATUSES: dict[type[Problem], HTTPStatus] = {
    Problem: HTTPStatus.BAD_REQUEST,
    Malformed: HTTPStatus.BAD_REQUEST,
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    ForeignOrigin: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    EmailAddressTaken: HTTPStatus.CONFLICT,
    ContactReadOnly: HTTPStatus.CONFLICT,
    GroupReadOnly: HTTPStatus.CONFLICT,
    SyncNotConfigured: HTTPStatus.CONFLICT,
    SyncAlreadyRunning: HTTPStatus.CONFLICT,
    ImportNotUndoable: HTTPStatus.CONFLICT,
    VersionConflict: HTTPStatus.PRECONDITION_FAILED,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    ManagerCycle: HTTPStatus.UNPROCESSABLE_ENTITY,
    ImportUnreadable: HTTPStatus.UNPROCESSABLE_ENTITY,
    Busy: HTTPStatus.SERVICE_UNAVAILABLE,
}

# The codes of what is answered before, or instead of, the domain.
HTTP_CODES = {
    HTTPStatus.NOT_FOUND: "NOT_FOUND",
    HTTPStatus.METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED",
    HTTPStatus.MISDIRECTED_REQUEST: "MISDIRECTED",
    HTTPStatus.INTERNAL_SERVER_ERROR: "INTERNAL",
    HTTPStatus.SERVICE_UNAVAILABLE: "UNAVAILABLE",
}
CODES = sorted({*(each.code for each in STATUSES), *HTTP_CODES.values()})


def status(problem: Problem) -> HTTPStatus:
    """The status of a refusal. What a body names and does not exist makes the body invalid, not the path unknown."""
    if isinstance(problem, NotFound) and problem.field:
        return STATUSES[InvalidInput]
    return next(STATUSES[kind] for kind in type(problem).__mro__ if kind in STATUSES)


def details(code: str, status: int, detail: str, **more: object) -> Document:
    """A problem details object; `more` are its extension members."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **more,
    }


def body(problem: Problem, sent: Fields) -> Document:
    """The problem details of a refusal; `sent` is the body it refuses, whose fields it names."""
    fields = list(_fields(problem, sent))
    message = problem.message
    if len(fields) > MAX_FIELDS:
        message = f"{len(fields):,} fields are wrong, among them: " + " ".join(f.message for f in fields[:MAX_FIELDS])
    shown = [{"field": f.field, "code": f.code, "message": f.message} for f in fields[:MAX_FIELDS]]
    return details(
        problem.code, status(problem), message, **({"fields": shown} if shown else {}), **_concerned(problem)
    )


def summary(document: Document) -> Document:
    """What names a contact or group in a problem."""
    return {
        "id": document["_id"],
        "displayName": document["displayName"],
        "emailAddress": document["emailAddress"],
        "version": document["version"],
    }


def _concerned(problem: Problem) -> Document:
    """Who or what stands in the way."""
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
    """The fields of an accepted body that ask for this address."""
    if address_key(str(sent.get("emailAddress")).strip()) == address:
        yield "emailAddress"
    for index, alias in enumerate(sent.get("aliases") or ()):
        if address_key(str(alias).strip()) == address:
            yield f"aliases[{index}]"
