"""Keys by themselves."""

import pytest

from identity.keys import key_set
from identity.token import parse
from tests.support.signing import SigningKey, ec_key, ed25519_key, rsa_key


@pytest.mark.parametrize("key", [rsa_key("a"), ec_key("a"), ed25519_key("a")], ids=lambda key: key.algorithm)
def test_restricted_key(key: SigningKey) -> None:
    """A key verifies what it has signed, but no other token, and with no algorithm but its own."""
    other = {"RS256": "RS512", "ES256": "ES256", "EdDSA": "Ed25519"}[key.algorithm]
    own, restricted = key_set({"keys": [key.jwk(), key.jwk(alg=other)]}, frozenset()).keys
    token = parse(f"Bearer {key.token({})}")
    assert own.verifies(token)
    assert restricted.verifies(token) == (other == key.algorithm)
    assert not own.verifies(parse(f"Bearer {rsa_key('b').token({})}"))


def test_key_sets_are_compared_by_content() -> None:
    """Key sets are equal if they list the same keys, even if they have been read twice."""
    jwks = [rsa_key("a").jwk(), ec_key("a").jwk()]
    assert key_set({"keys": jwks}, frozenset()) == key_set({"keys": jwks}, frozenset())
    assert key_set({"keys": jwks}, frozenset()) != key_set({"keys": [rsa_key("b").jwk(kid="a"), jwks[1]]}, frozenset())
