"""How to sign in, for clients that do not know yet (RFC 9728), and who has signed in."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from resolvers.caller import Identity, Role
from resolvers.errors import Unauthenticated
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


def challenge(scope: Scope, host: str | None, problem: Unauthenticated) -> str:
    """How to sign in, in the header of a refusal (RFC 6750, RFC 9728). `host`: under which name it was sent."""
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    text = f'Bearer realm="contacts", resource_metadata="{scheme}://{host or "localhost"}{SIGN_IN_METADATA}"'
    return f'{text}, error="invalid_token"' if problem.has_token else text


async def viewer(request: Request) -> Response:
    """Who the caller is, and what they may do."""
    identity: Identity = request.state.identity
    role: Role = request.state.caller.role
    return answers.json({"id": identity.id, "name": identity.name, "kind": identity.kind, "role": role.name})
