"""The provider's documents: what is accepted of them, over which connection."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from identity.errors import ProviderUnavailable
from identity.oidc import opened
from resolvers.caller import Role
from tests.support.certificates import self_signed
from tests.support.signing import rsa_key
from tests.support.simulated_providers import ON_DEMAND, Providers, discovery_path, keys_path, providers

Answer = tuple[int, dict[str, str], bytes]


def discovery(**changes: Any) -> Callable[[str], Answer]:
    """A discovery document with these changes. None leaves a member out."""

    def answer(issuer: str) -> Answer:
        own = {"issuer": issuer, "jwks_uri": f"{issuer}/keys"} | changes
        return 200, {}, json.dumps({name: value for name, value in own.items() if value is not None}).encode()

    return answer


def fixed(body: bytes, status: int = 200, **headers: str) -> Callable[[str], Answer]:
    """The same answer for every issuer."""
    return lambda issuer: (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


BAD_DISCOVERY = {
    "another issuer": (
        discovery(issuer="https://login.example"),
        "calls itself https://login.example. Set it to exactly",
    ),
    "no issuer": (discovery(issuer=None), "calls itself null"),
    "issuer with a slash": (lambda issuer: discovery(issuer=f"{issuer}/")(issuer), "CONTACTS_OIDC_ISSUER is http"),
    "template": (discovery(issuer="https://login.microsoftonline.com/{tenantid}/v2.0"), "calls itself"),
    "no keys": (discovery(jwks_uri=None), "not an https address"),
    "keys without https": (discovery(jwks_uri="http://login.example/keys"), "not an https address"),
    "keys in a file": (discovery(jwks_uri="file:///etc/passwd"), "not an https address"),
    "keys in a list": (discovery(jwks_uri=["https://login.example/keys"]), "not an https address"),
    "keys with a password": (discovery(jwks_uri="https://ada:secret@login.example/keys"), "not an https address"),
    "keys at a bad port": (discovery(jwks_uri="https://login.example:x/keys"), "not an https address"),
    "a page": (fixed(b"<html>"), "is not JSON"),
    "a list": (fixed(b"[]"), "is not JSON"),
    "nothing": (fixed(b""), "is not JSON"),
    "duplicate members": (fixed(b'{"issuer": 1, "issuer": 2}'), "is not JSON (duplicate member)"),
    "compressed": (fixed(gzip.compress(b"{}"), content_encoding="gzip"), "is not JSON"),
    "redirect": (fixed(b"", 302, location="https://login.example"), "answered with status 302"),
    "not found": (fixed(b"", 404), "answered with status 404"),
    "too large": (fixed(b'{"x": "' + b"x" * 1_100_000 + b'"}'), "more than 1,048,576 bytes"),
    "cut off": (fixed(b"{}", content_length="100"), "cannot be reached"),
    "nested deeply": (fixed(b'{"x":' + b"[" * 100_000), "nested too deeply"),
}
BAD_KEYS = {
    "no keys": (fixed(b"{}"), "is not a set of keys"),
    "keys by name": (fixed(b'{"keys": {}}'), "is not a set of keys"),
    "too many": (fixed(json.dumps({"keys": [{}] * 201}).encode()), "is not a set of keys"),
    "a page": (fixed(b"<html>"), "is not JSON"),
    "redirect": (fixed(b"", 307, location="file:///etc/passwd"), "answered with status 307"),
}


@pytest.mark.parametrize("name", BAD_DISCOVERY)
async def test_bad_discovery(own_providers: Providers, name: str) -> None:
    """A discovery document that cannot be used is refused with what to do."""
    answer, message = BAD_DISCOVERY[name]
    await refuses(own_providers, discovery_path(own_providers.plain), answer, message)


@pytest.mark.parametrize("name", BAD_KEYS)
async def test_bad_keys(own_providers: Providers, name: str) -> None:
    """So are keys."""
    answer, message = BAD_KEYS[name]
    await refuses(own_providers, keys_path(own_providers.plain), answer, message)


async def refuses(running: Providers, path: str, answer: Callable[[str], Answer], message: str) -> None:
    """Check that no keys arrive, and what the message says."""
    running.answers[path] = answer(running.plain.url)
    async with opened(running.plain.settings(), ON_DEMAND) as provider:
        with pytest.raises(ProviderUnavailable) as failed:
            await provider.identify(running.plain.bearer())
    assert message in str(failed.value)
    assert str(failed.value).endswith(".")


async def test_odd_keys_are_ignored(own_providers: Providers) -> None:
    """Keys that cannot be read are ignored; the others verify."""
    own_providers.plain.extra_jwks[:] = [
        {},
        {"kty": 1},
        {"kty": "EC", "crv": "P-256", "kid": "x"},
        {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ", "kid": "x"},
        {"kty": "RSA", "n": "!", "e": "AQAB", "kid": "x"},
        {"kty": "RSA", "n": 1, "e": [], "kid": "x"},
        {"kty": "OKP", "crv": "X25519", "x": "AQ", "kid": "x"},
        rsa_key("a").jwk(kid=7),
        rsa_key("a").jwk(use=["sig"]),
        rsa_key("a").jwk(key_ops="verify"),
        rsa_key("a").jwk(alg="HS256"),
        rsa_key("a").jwk(issuer=7),
    ]
    own_providers.plain.extra_jwks.append("not a key")  # type: ignore[arg-type]  # as a broken provider lists it
    async with opened(own_providers.plain.settings(), ON_DEMAND) as provider:
        assert (await provider.identify(own_providers.plain.bearer())).role is Role.EDITOR
        assert {key.id for key in (await provider.keyring.published()).keys.keys} == {
            key.id for key in own_providers.plain.keys
        }


async def test_issuer_with_a_slash(own_providers: Providers) -> None:
    """An issuer may end with a slash, as Auth0's does: its document is at the same place."""
    issuer = own_providers.plain
    url = f"{issuer.url}/"
    own_providers.answers[discovery_path(issuer)] = discovery(issuer=url, jwks_uri=f"{issuer.url}/keys")(url)
    async with opened(issuer.settings(oidc_issuer=url), ON_DEMAND) as provider:
        assert (await provider.identify(issuer.bearer(issuer.user(iss=url)))).role is Role.EDITOR


async def test_addresses_of_pages(own_providers: Providers) -> None:
    """Addresses without https are left out of the metadata."""
    issuer = own_providers.plain
    document = discovery(token_endpoint="https://a.example/t", authorization_endpoint="http://a.example/a")
    own_providers.answers[discovery_path(issuer)] = document(issuer.url)
    async with opened(issuer.settings(), ON_DEMAND) as provider:
        found = await provider.metadata()
    assert (found.token_endpoint, found.authorization_endpoint) == ("https://a.example/t", None)


async def test_own_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider with a certificate of the company's own authority is reached with SSL_CERT_FILE, and not without."""
    certificate = tmp_path / "certificate.pem"
    certificate.write_bytes(self_signed())
    with providers(certificate) as running:
        async with opened(running.plain.settings(), ON_DEMAND) as provider:
            with pytest.raises(ProviderUnavailable, match=r"CERTIFICATE_VERIFY_FAILED.* SSL_CERT_FILE names"):
                await provider.identify(running.plain.bearer())
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with opened(running.plain.settings(), ON_DEMAND) as provider:
            assert (await provider.identify(running.plain.bearer())).role is Role.EDITOR


async def test_keys_without_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider with TLS must have its keys there as well, even if plain http would not leave this machine."""
    certificate = tmp_path / "certificate.pem"
    certificate.write_bytes(self_signed())
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with providers(certificate) as running:
        keys = f"{running.plain.url.replace('https', 'http')}/keys"
        await refuses(running, discovery_path(running.plain), discovery(jwks_uri=keys), "not an https address")
