"""How to sign in, for clients that do not know yet (RFC 9728), and who has signed in."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from resolvers.caller import Identity, Role
from rest import answers
from settings import Settings

SIGN_IN_METADATA = "/.well-known/oauth-protected-resource"


async def metadata(request: Request) -> Response:
    """The provider to get tokens from, and the client ID and scopes for GraphiQL. Not found without a provider."""
    settings: Settings = request.state.settings
    if settings.auth != "oidc":
        raise HTTPException(404)
    found = {
        "resource": f"{request.url.scheme}://{request.url.netloc}",
        "authorization_servers": [settings.oidc_issuer],
        "scopes_supported": [role.claim for role in Role],
        "bearer_methods_supported": ["header"],
        "contacts_client_id": settings.oidc_client_id,
        "contacts_scope": settings.oidc_scope or "openid",
    }
    return JSONResponse({name: value for name, value in found.items() if value is not None})


async def viewer(request: Request) -> Response:
    """Who the caller is, and what they may do."""
    identity: Identity = request.state.identity
    role: Role = request.state.caller.role
    return answers.json({"id": identity.id, "name": identity.name, "kind": identity.kind, "role": role.name})
