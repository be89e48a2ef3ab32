"""The REST API: request -> resolver -> JSON, under `/api/identity`. Errors become problem details."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rest import audit, contacts, exports, imports, openapi
from rest.allowance import allowance
from rest.answers import (
    internal_error,
    json,
    misdirected,
    not_served,
    refusal,
    refused,
    resource,
    sign_in_unavailable,
    unavailable,
)
from rest.problems import TlsRequired
from rest.sign_in import SIGN_IN_METADATA, challenge, metadata, viewer

__all__ = [
    "SIGN_IN_METADATA",
    "TlsRequired",
    "allowance",
    "challenge",
    "internal_error",
    "misdirected",
    "not_served",
    "refusal",
    "refused",
    "routes",
    "sign_in_unavailable",
    "unavailable",
]


def routes() -> list[Route]:
    """The documented paths. Fixed paths come before those with an ID."""
    openapi.document()  # read it now, not during the first request
    return [
        Route(SIGN_IN_METADATA, metadata),
        resource("/api/identity/openapi.json", GET=_describe),
        resource("/api/identity/viewer", GET=viewer),
        resource("/api/identity/audit", GET=audit.list_page),
        resource("/api/identity/audit/export", GET=audit.export),
        resource("/api/identity/contacts", GET=contacts.list_page, POST=contacts.create),
        resource("/api/identity/contacts/bulk", POST=imports.create),
        resource("/api/identity/contacts/export", GET=exports.export),
        resource("/api/identity/contacts/imports", GET=imports.list_page),
        resource("/api/identity/contacts/imports/{id}", GET=imports.read),
        resource("/api/identity/contacts/imports/{id}/problems", GET=imports.problems),
        resource("/api/identity/contacts/imports/{id}/outcomes", GET=imports.outcomes),
        resource("/api/identity/contacts/imports/{id}/failed.csv", GET=imports.failed),
        resource("/api/identity/contacts/imports/{id}/cancel", POST=imports.cancel),
        resource("/api/identity/contacts/imports/{id}/undo", POST=imports.undo),
        resource("/api/identity/contacts/{id}", GET=contacts.read, PUT=contacts.update, DELETE=contacts.delete),
    ]


async def _describe(request: Request) -> Response:
    return json(openapi.document(requires_token=request.state.settings.auth == "oidc"))
