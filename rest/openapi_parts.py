"""What the operations of the OpenAPI document are made of: parameters, headers, bodies, refusals."""

from http import HTTPStatus

from resolvers import paging
from resolvers.contacts import MAX_TEXT
from rest import parameters, problems
from rest.openapi_schemas import CONTACT_EXAMPLE, EXAMPLE_ID
from storage.documents import Document

_PROBLEMS = {
    HTTPStatus.BAD_REQUEST: ("MALFORMED", "A parameter, header or body cannot be read.", {}),
    HTTPStatus.FORBIDDEN: ("FOREIGN_ORIGIN", "A page of another site, which is not allowed to, sent this.", {}),
    HTTPStatus.NOT_FOUND: ("NOT_FOUND", "There is no contact with this id.", {}),
    HTTPStatus.CONFLICT: (
        "EMAIL_ADDRESS_TAKEN",
        "An address belongs to another contact or group, the `holder`; or the contact is synced, and edited elsewhere.",
        {},
    ),
    HTTPStatus.PRECONDITION_FAILED: (
        "VERSION_CONFLICT",
        "The contact is not as `If-Match` or `If-None-Match` asks; `current` and `ETag` say how it is.",
        {"ETag": "The contact's entity tag as it is now."},
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("TOO_LARGE", "The body is larger than this service takes.", {}),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (
        "UNSUPPORTED_MEDIA_TYPE",
        "The body is of another type or encoding.",
        {"Accept": "The types that are taken."},
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: ("INVALID", "Values break a rule; `fields` names them all.", {}),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("INTERNAL", "Something went wrong on our side.", {}),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "BUSY",
        "Nothing was changed; try again.",
        {"Retry-After": "Seconds to wait before that."},
    ),
}


def list_parameters() -> list[Document]:
    """The query parameters of a list."""
    return [
        *filter_parameters(),
        _query(
            "orderBy",
            {"type": "string", "enum": parameters.ORDER_VALUES, "default": "displayName"},
            "What to sort by; with a leading - in descending order.",
            "-updatedAt",
        ),
        _query(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": paging.MAX_SIZE, "default": paging.DEFAULT_SIZE},
            "How many contacts a page has.",
            paging.DEFAULT_SIZE,
        ),
        _query("cursor", {"type": "string"}, "`nextCursor` of the page before, in the same ordering."),
    ]


def filter_parameters() -> list[Document]:
    """The query parameters that choose contacts, in a list and in the export."""
    text = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT, "pattern": r"\S"}
    return [
        _query("source", {"type": "string", "enum": [*parameters.SOURCES], "default": "all"}, "Where it is mastered."),
        _query("gal", {"type": "string", "enum": [*parameters.GALS], "default": "all"}, "Whether the GAL shows it."),
        _query(
            "search",
            {"type": "string", "maxLength": MAX_TEXT},
            "Beginnings of words, all of which must be found in names, company, addresses or phone numbers.",
            "ana supp",
        ),
        _query("company", text, "Name of the organisation.", "Supplier Ltd"),
        _query("department", text, "Department.", "Sales"),
        _query("jobTitle", text, "Job title.", "Account manager"),
        _query("country", text, "Country of the postal address.", "GB"),
        _query("emailDomain", text, "Domain of any of its addresses.", "supplier.example"),
        _query("managerId", text, "The contacts that this contact manages.", EXAMPLE_ID),
        _query("groupId", text, "The members of this distribution group.", EXAMPLE_ID),
        _query(
            "updatedSince",
            {"type": "string", "format": "date-time"},
            "Changed at this moment or later.",
            "2026-11-23T17:49:05Z",
        ),
    ]


def refusals(*statuses: int) -> Document:
    """The responses of an operation that answers these problems, besides those that any can answer."""
    names = {status: HTTPStatus(status).phrase.replace(" ", "") for status in (*statuses, 500, 503)}
    return {str(status): {"$ref": f"#/components/responses/{name}"} for status, name in names.items()}


def problem_responses() -> Document:
    """The components that `refusals` refers to."""
    return {status.phrase.replace(" ", ""): _problem_response(status) for status in _PROBLEMS}


def _problem_response(status: HTTPStatus) -> Document:
    code, description, headers = _PROBLEMS[status]
    return {
        "description": description,
        "headers": {name: header(text) for name, text in headers.items()},
        "content": {
            problems.MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": problems.details(code, status, description),
            }
        },
    }


def contact(description: str, **headers: Document) -> Document:
    """A response that is a contact."""
    return {
        "description": description,
        "headers": {"ETag": etag(), **headers},
        "content": json("Contact", CONTACT_EXAMPLE),
    }


def json(schema: str, example: object) -> Document:
    """The content of a body in JSON."""
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}}


def _query(name: str, schema: Document, description: str, example: object = None) -> Document:
    return parameter("query", name, schema, description, example)


def parameter(place: str, name: str, schema: Document, description: str, example: object = None) -> Document:
    """A parameter in the path, the query or a header."""
    return {
        "name": name,
        "in": place,
        "description": description,
        "schema": schema,
        **({"required": True} if place == "path" else {}),
        **({} if example is None else {"example": example}),
    }


def if_match() -> Document:
    """The header that names the version to change."""
    return _condition("If-Match", "Refuse with 412 if the contact is not as this ETag has it. A list is taken.")


def if_none_match(description: str) -> Document:
    """The header that names the version the caller has."""
    return _condition("If-None-Match", description)


def _condition(name: str, description: str) -> Document:
    tag = r'(W/)?"[!#-~]*"'
    return parameter("header", name, {"type": "string", "pattern": rf"^(\*|{tag}(, ?{tag})*)$"}, description, '"1"')


def header(description: str) -> Document:
    """A header of a response."""
    return {"description": description, "schema": {"type": "string"}}


def etag() -> Document:
    """The header that tells the version."""
    return header("The contact's version as an entity tag; weak for a synced contact.")
