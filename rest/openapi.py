"""The OpenAPI 3.1 document of the REST paths: one function for each operation."""

from functools import cache

from rest import openapi_imports
from rest import openapi_parts as parts
from rest.openapi_schemas import CONTACT_EXAMPLE, CREATE_EXAMPLE, EXAMPLE_ID, UPDATE_EXAMPLE, schemas
from storage.documents import Document

_ABOUT = """\
Contacts are directory entries for external people, without sign-in access. Those synchronised from on-premises Active
Directory are read-only here.

Every refusal is an `application/problem+json` object (RFC 9457) with a `code`. Paths answer `OPTIONS`, and `HEAD`
wherever there is `GET`; a method that a path does not take is answered with 405 and `Allow`."""


@cache
def document() -> Document:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Contacts", "version": "1", "description": _ABOUT},
        "tags": [
            {"name": "contacts", "description": "External contacts of the organisation."},
            {"name": "imports", "description": "Many at once: files in and out."},
        ],
        "paths": paths(),
        "components": {
            "schemas": {**schemas(), **openapi_imports.schemas()},
            "responses": parts.problem_responses(),
        },
    }


def paths() -> Document:
    """The operations by path and method."""
    return {
        "/api/identity/contacts": {"get": _list(), "post": _create()},
        "/api/identity/contacts/{id}": {
            "parameters": [parts.parameter("path", "id", {"type": "string"}, "The contact's id.", EXAMPLE_ID)],
            "get": _read(),
            "put": _update(),
            "delete": _delete(),
        },
        **openapi_imports.paths(),
    }


def _list() -> Document:
    return {
        "operationId": "listContacts",
        "tags": ["contacts"],
        "summary": "List contacts",
        "description": "One page of the contacts that fulfil all filters. Filters compare without case and accents.",
        "parameters": parts.list_parameters(),
        "responses": {
            "200": {
                "description": "A page.",
                "headers": {"Link": parts.header("The next page, with `rel=next`, if there is one (RFC 8288).")},
                "content": parts.json(
                    "ContactList", {"contacts": [CONTACT_EXAMPLE], "totalCount": 1, "nextCursor": None}
                ),
            },
            **parts.refusals(400),
        },
    }


def _create() -> Document:
    return {
        "operationId": "createContact",
        "tags": ["contacts"],
        "summary": "Create a contact",
        "description": "Adds a cloud-only contact, which every read sees from then on.",
        "requestBody": {"required": True, "content": parts.json("NewContact", CREATE_EXAMPLE)},
        "responses": {
            "201": parts.contact("The contact as it was created.", Location=parts.header("Where the contact is.")),
            **parts.refusals(400, 409, 413, 415, 422),
        },
    }


def _read() -> Document:
    return {
        "operationId": "getContact",
        "tags": ["contacts"],
        "summary": "Read a contact",
        "parameters": [
            parts.if_match(),
            parts.if_none_match("Answer 304 if the contact is still as this ETag has it."),
        ],
        "responses": {
            "200": parts.contact("The contact."),
            "304": {"description": "It is as the caller has it.", "headers": {"ETag": parts.etag()}},
            **parts.refusals(400, 404, 412),
        },
    }


def _update() -> Document:
    return {
        "operationId": "updateContact",
        "tags": ["contacts"],
        "summary": "Update a contact",
        "description": "Changes the fields given; null clears. An update that changes nothing makes no new version.",
        "parameters": [
            parts.if_match(),
            parts.if_none_match("Refuse if the contact is as this ETag has it, or at all with *."),
        ],
        "requestBody": {"required": True, "content": parts.json("ContactChanges", UPDATE_EXAMPLE)},
        "responses": {
            "200": parts.contact("The contact as it is now."),
            **parts.refusals(400, 404, 409, 412, 413, 415, 422),
        },
    }


def _delete() -> Document:
    return {
        "operationId": "deleteContact",
        "tags": ["contacts"],
        "summary": "Delete a contact",
        "description": "Moves it to the recycle bin, where it can be restored for 30 days. Its addresses are free.",
        "parameters": [
            parts.if_match(),
            parts.if_none_match("Refuse if the contact is as this ETag has it, or at all with *."),
        ],
        "responses": {"204": {"description": "It is deleted."}, **parts.refusals(400, 404, 409, 412)},
    }
