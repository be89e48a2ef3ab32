"""The OpenID Connect provider of the tests gives the tokens that the other tests rely on."""

from collections.abc import Iterator

import jwt
import pytest

from tests.support.provider import AUDIENCE, CLIENT_ID, Provider, provider

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def issuing() -> Iterator[Provider]:
    with provider() as running:
        yield running


def verified(issuing: Provider, token: str, audience: str = AUDIENCE) -> dict[str, object]:
    """The claims of a token that one of the provider's published keys signed."""
    key = jwt.PyJWKClient(f"{issuing.issuer}/jwks").get_signing_key_from_jwt(token)
    claims: dict[str, object] = jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=issuing.issuer)
    return claims


@pytest.mark.parametrize(
    ("person", "roles"),
    [("rita", ["Contacts.Read"]), ("ed", ["Contacts.ReadWrite"]), ("ada", ["Contacts.Admin"]), ("nora", None)],
)
def test_people_sign_in(issuing: Provider, person: str, roles: list[str] | None) -> None:
    """A person gets an access token for the service with their roles, and an ID token for the client."""
    tokens = issuing.sign_in(person)
    claims = verified(issuing, tokens.access)
    assert (claims["sub"], claims.get("roles")) == (person, roles)
    assert jwt.get_unverified_header(tokens.access)["typ"] == "at+jwt"
    assert verified(issuing, tokens.identity, CLIENT_ID)["name"] == claims["name"]
    assert tokens.refresh


@pytest.mark.parametrize(("app", "roles"), [("editor-app", ["Contacts.ReadWrite"]), ("plain-app", None)])
def test_apps_get_tokens(issuing: Provider, app: str, roles: list[str] | None) -> None:
    """An app gets an access token for itself with its roles."""
    claims = verified(issuing, issuing.app_token(app))
    assert (claims["sub"], claims["client_id"], claims.get("roles")) == (app, app, roles)


def test_other_audiences_and_lifetimes(issuing: Provider) -> None:
    """Tests can have tokens for another service, tokens of any lifetime, and expired ones."""
    other = issuing.app_token("admin-app", audience="api://other")
    assert verified(issuing, other, "api://other")["aud"] == "api://other"
    brief = jwt.decode(issuing.app_token("admin-app", seconds=7), options={"verify_signature": False})
    assert brief["exp"] - brief["iat"] == 7
    for expired in (issuing.app_token("admin-app", seconds=-600), issuing.sign_in("ada", seconds=-600).access):
        with pytest.raises(jwt.ExpiredSignatureError):
            verified(issuing, expired)


def test_keys_rotate(issuing: Provider) -> None:
    """After a rotation, tokens of both keys are valid; after a revocation, only those of the new key are."""
    first = issuing.app_token("admin-app")
    issuing.replace_keys()
    second = issuing.app_token("admin-app")
    assert jwt.get_unverified_header(first)["kid"] != jwt.get_unverified_header(second)["kid"]
    verified(issuing, first)
    verified(issuing, second)
    issuing.replace_keys(keep_old=False)
    with pytest.raises(jwt.PyJWKClientError):
        verified(issuing, second)
    verified(issuing, issuing.app_token("admin-app"))
    before = issuing.requests("/jwks")
    verified(issuing, issuing.app_token("admin-app"))
    assert issuing.requests("/jwks") == before + 1
