"""Tokens that are accepted."""

import time
from typing import Any

import jwt
import pytest

from identity.oidc import Provider, opened
from resolvers.caller import Identity, Role
from resolvers.errors import Unauthenticated
from tests.support.signing import SigningKey, ec_key, ed25519_key, rsa_key
from tests.support.simulated_providers import AUDIENCE, CLIENT, PERSON, Issuer, Kind, Providers

ALGORITHMS = [
    *(rsa_key("any", algorithm) for algorithm in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
    *(ec_key("any", algorithm) for algorithm in ("ES256", "ES384", "ES512")),
    *(ed25519_key("any", algorithm) for algorithm in ("EdDSA", "Ed25519")),
]


async def identified(
    providers: Providers, authorization: str, issuer: Issuer | None = None, **settings: Any
) -> Identity:
    """Who the token stands for, at a service with these settings."""
    async with opened((issuer or providers.plain).settings(**settings)) as provider:
        return await provider.identify(authorization)


async def test_person(provider: Provider, shared_providers: Providers, kind: Kind) -> None:
    """A person's token says who they are, and until when they are signed in."""
    issuer = shared_providers.of(kind)
    claims = issuer.user()
    identifier = {"plain": "subject-1", "entra": PERSON}[kind]
    expected = Identity(identifier, "ada@contoso.example", "USER", Role.EDITOR, float(claims["exp"]))
    assert await provider.identify(issuer.bearer(claims)) == expected


async def test_app(provider: Provider, shared_providers: Providers, kind: Kind) -> None:
    """An app's token says which app it is."""
    issuer = shared_providers.of(kind)
    claims = issuer.app()
    identifier = {"plain": CLIENT, "entra": "a99"}[kind]
    expected = Identity(identifier, CLIENT, "APP", Role.READER, float(claims["exp"]))
    assert await provider.identify(issuer.bearer(claims)) == expected


async def test_repeated_token(provider: Provider, shared_providers: Providers, kind: Kind) -> None:
    """A token that was verified is known from then on, exactly as it was sent."""
    authorization = shared_providers.of(kind).bearer(shared_providers.of(kind).user(jti="repeated"))
    assert provider.known(authorization.encode()) is None
    first = await provider.identify(authorization)
    assert provider.known(authorization.encode()) is first
    assert await provider.identify(authorization) is first
    assert provider.known(authorization.lower().encode()) is None


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "bEaReR  "])
async def test_scheme(provider: Provider, shared_providers: Providers, kind: Kind, scheme: str) -> None:
    """The scheme may be in upper or lower case (RFC 9110)."""
    token = shared_providers.of(kind).bearer().removeprefix("Bearer ")
    assert (await provider.identify(scheme + token)).role is Role.EDITOR


@pytest.mark.parametrize("key", ALGORITHMS, ids=lambda key: key.algorithm)
@pytest.mark.parametrize("is_pinned", [True, False], ids=["alg in the key", "no alg in the key"])
async def test_algorithms(own_providers: Providers, key: SigningKey, is_pinned: bool) -> None:
    """All algorithms of a key's family are accepted, if the key is not restricted to one."""
    own_providers.plain.keys.clear()
    own_providers.plain.extra_jwks[:] = [key.jwk(alg=key.algorithm if is_pinned else None)]
    token = key.token(own_providers.plain.user())
    assert (await identified(own_providers, f"Bearer {token}")).role is Role.EDITOR


async def test_key_without_id(own_providers: Providers) -> None:
    """A token need not name its key if only one fits."""
    own_providers.plain.keys[:] = [ec_key("plain-ec"), rsa_key("plain")]
    assert (await identified(own_providers, own_providers.plain.bearer(kid=None))).role is Role.EDITOR


async def test_two_keys_with_one_id(own_providers: Providers) -> None:
    """If two keys have the same ID, either may have signed the token."""
    signer = own_providers.plain.keys[-1]
    own_providers.plain.extra_jwks += [rsa_key("other").jwk(kid=signer.id), ec_key("other").jwk(kid=signer.id)]
    assert (await identified(own_providers, own_providers.plain.bearer())).role is Role.EDITOR


async def test_key_published_with_its_secret(own_providers: Providers) -> None:
    """Of a key that is published as a whole, only the public part is used."""
    key = rsa_key("whole")
    own_providers.plain.keys.clear()
    whole = jwt.get_algorithm_by_name("RS256").to_jwk(key.private, as_dict=True)
    own_providers.plain.extra_jwks[:] = [dict(whole) | {"kid": "whole", "key_ops": ["sign", "verify"]}]
    assert (await identified(own_providers, f"Bearer {key.token(own_providers.plain.user())}")).role is Role.EDITOR


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", None])
async def test_type(shared_providers: Providers, typ: str | None) -> None:
    """Access tokens may say that they are, and need no claim that shows it then."""
    claims = shared_providers.plain.user()
    if typ and "at+" in typ.lower():
        del claims["scope"], claims["client_id"]
    assert (await identified(shared_providers, shared_providers.plain.bearer(claims, typ=typ))).role is Role.EDITOR


@pytest.mark.parametrize(
    "changes",
    [
        {"scp": ["openid"]},  # Okta
        {"cid": "0oa1"},  # Okta
        {"gty": "password"},  # Auth0
        {"token_use": "access"},  # Cognito
        {"typ": "Bearer", "azp": "app"},  # Keycloak
        {"appid": "app"},  # AD FS
    ],
    ids=str,
)
async def test_signs_of_an_access_token(shared_providers: Providers, changes: dict[str, Any]) -> None:
    """Each provider shows in its own way that a token is an access token."""
    claims = shared_providers.plain.user(**{"scope": None, "client_id": None} | changes)
    assert (await identified(shared_providers, shared_providers.plain.bearer(claims))).role is Role.EDITOR


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["account", AUDIENCE], "api://contacts"], ids=str)
async def test_audience(shared_providers: Providers, audience: object) -> None:
    """A token is for this service if it names one of its audiences, even among others."""
    authorization = shared_providers.plain.bearer(shared_providers.plain.user(aud=audience))
    found = await identified(shared_providers, authorization, oidc_audience=f"{AUDIENCE}  api://contacts")
    assert found.role is Role.EDITOR


@pytest.mark.parametrize(
    ("name", "offset", "is_valid"),
    [
        ("exp", -25, True),
        ("exp", -30, False),
        ("nbf", 25, True),
        ("nbf", 31, False),
        ("iat", 25, True),
        ("iat", 31, False),
    ],
)
async def test_leeway(shared_providers: Providers, name: str, offset: float, is_valid: bool) -> None:
    """The clocks of the provider and the service may differ by 30 seconds."""
    now = int(time.time())
    authorization = shared_providers.plain.bearer(shared_providers.plain.user(**{name: now + offset}))
    async with opened(shared_providers.plain.settings(), clock=lambda: now) as provider:
        if is_valid:
            await provider.identify(authorization)
        else:
            with pytest.raises(Unauthenticated):
                await provider.identify(authorization)


async def test_expiry_of_a_known_token(shared_providers: Providers) -> None:
    """A token that is known is refused when it has expired."""
    times = [time.time()]
    authorization = shared_providers.plain.bearer()
    async with opened(shared_providers.plain.settings(), clock=lambda: times[-1]) as provider:
        await provider.identify(authorization)
        times.append(times[0] + 3629)
        assert provider.known(authorization.encode())
        times.append(times[0] + 3631)
        assert provider.known(authorization.encode()) is None
        with pytest.raises(
            Unauthenticated, match=r"The token expired at 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC. Sign in again."
        ):
            await provider.identify(authorization)


async def test_times_with_fractions(shared_providers: Providers) -> None:
    """Times may have fractions of a second (RFC 7519)."""
    claims = shared_providers.plain.user(exp=time.time() + 60.5, iat=time.time() - 0.5)
    assert (await identified(shared_providers, shared_providers.plain.bearer(claims))).expires_at == claims["exp"]


async def test_metadata(provider: Provider, shared_providers: Providers, kind: Kind) -> None:
    """The provider's addresses are those of its discovery document."""
    issuer = shared_providers.of(kind)
    found = await provider.metadata()
    assert (found.issuer, provider.issuer, provider.audiences) == (issuer.url, issuer.url, (AUDIENCE,))
    assert found.authorization_endpoint == "/".join([*issuer.url.split("/")[:3], "authorization"])
