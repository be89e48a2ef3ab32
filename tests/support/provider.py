"""A real OpenID Connect provider, `tests/node/provider.mjs`, and tokens from it.

People sign in as rita (Contacts.Read), ed (Contacts.ReadWrite), ada (Contacts.Admin) and nora (no role). Apps are
reader-app, editor-app, admin-app and plain-app, with the same roles. Tests that use it are marked `node`.
"""

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx

from settings import Settings
from tests.support import waiting
from tests.support.node import installed

AUDIENCE = "api://contacts"
CLIENT_ID = "graphiql"
REDIRECT = "http://127.0.0.1/graphql"
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a person gets when they sign in."""

    access: str
    identity: str
    refresh: str


@dataclass(frozen=True, slots=True)
class Provider:
    """A running provider.

    `seconds` is how long an access token is valid. If it is negative, the token expired that long ago.
    """

    issuer: str

    def app_token(self, app: str, *, seconds: int = HOUR, audience: str = AUDIENCE) -> str:
        """An access token of an app, by its client credentials."""
        form = {"grant_type": "client_credentials", "resource": audience}
        with self._http(seconds) as http:
            token: str = _json(http.post("/token", data=form, auth=(app, f"{app}-secret")))["access_token"]
        return token

    def sign_in(self, person: str, *, seconds: int = HOUR, audience: str = AUDIENCE) -> Tokens:
        """The tokens of a person, by authorization code and PKCE, as a browser gets them."""
        verifier = secrets.token_urlsafe(48)
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        client = {"client_id": CLIENT_ID, "redirect_uri": REDIRECT, "resource": audience}
        request = {"response_type": "code", "scope": "openid profile", "code_challenge_method": "S256"}
        with self._http(seconds) as http:
            page = http.get("/auth", params=client | request | {"code_challenge": challenge})
            page = http.get(page.headers["location"])
            answer = http.post(page.url, data={"login": person})
            while not (place := answer.headers["location"]).startswith(REDIRECT):
                answer = http.get(place)
            form = {"grant_type": "authorization_code", "code_verifier": verifier}
            got = _json(http.post("/token", data=client | form | {"code": httpx.URL(place).params["code"]}))
        return Tokens(got["access_token"], got["id_token"], got["refresh_token"])

    def replace_keys(self, *, keep_old: bool = True) -> None:
        """Sign with a new key from now on. Without the old ones, the tokens that they signed are no longer valid."""
        with self._http() as http:
            http.post("/test/keys", params={"keep": "yes" if keep_old else "no"}).raise_for_status()

    def requests(self, path: str) -> int:
        """How many requests this path has had, such as `/jwks` or `/.well-known/openid-configuration`."""
        with self._http() as http:
            counts = _json(http.get("/test/counts"))
        return int(counts.get(path, 0))

    def _http(self, seconds: int = HOUR) -> httpx.Client:
        return httpx.Client(base_url=self.issuer, headers={"X-Token-Seconds": str(seconds)}, timeout=waiting.SECONDS)


# JSON of any shape.
def _json(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    body: dict[str, Any] = answer.json()
    return body


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider during the block, on a port of its own. Skips the test if Node.js is missing."""
    with installed().started("provider.mjs") as process:
        assert process.stdout is not None
        # The provider's own notices come first.
        line = next(line for line in process.stdout if line.startswith("{"))
        yield Provider(json.loads(line)["issuer"])


def signing_in(settings: Settings, issuer: str) -> Settings:
    """The settings of a service that requires a sign-in with this provider."""
    update = {
        "auth": "oidc",
        "oidc_issuer": issuer,
        "oidc_audience": AUDIENCE,
        "oidc_client_id": CLIENT_ID,
        "oidc_scope": "openid profile",
    }
    return settings.model_copy(update=update)
