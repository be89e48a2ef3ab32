"""The provider's public keys. Each one verifies the algorithms of its own family, whatever a token claims."""

import json
from dataclasses import dataclass, field

import jwt
from jwt.algorithms import AllowedPublicKeys, OKPAlgorithm

from identity.syntax import Members
from identity.token import Token

_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVES = {
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA", "Ed25519"}),
}
_PUBLIC_MEMBERS = ("kty", "n", "e", "crv", "x", "y")
_SHORTEST_RSA_BITS = 2048
# A provider lists a handful.
_MOST_KEYS = 200

_JWS = jwt.PyJWS([*_RSA, "ES256", "ES384", "ES512", "EdDSA"])
_JWS.register_algorithm("Ed25519", OKPAlgorithm())  # the name that RFC 9864 gives to EdDSA with this curve


@dataclass(frozen=True, slots=True)
class Key:
    """A public key: its ID, the algorithms it verifies, and what it consists of."""

    id: str | None
    algorithms: frozenset[str]
    material: str
    public: AllowedPublicKeys = field(compare=False, repr=False)

    def verifies(self, token: Token) -> bool:
        """Whether this key's owner has signed the token, with one of the key's algorithms."""
        try:
            _JWS.decode(token.text, self.public, algorithms=list(self.algorithms))
        except jwt.PyJWTError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class KeySet:
    """All keys that the provider lists and that can verify tokens. `ignored`: how many it lists that cannot."""

    keys: tuple[Key, ...]
    ignored: int = 0

    def candidates(self, key_id: str | None) -> tuple[Key, ...]:
        """The keys with this ID, or all keys if a token does not name one."""
        return self.keys if key_id is None else tuple(key for key in self.keys if key.id == key_id)


def key_set(document: Members, issuers: frozenset[str]) -> KeySet:
    """The keys in a JSON Web Key Set (RFC 7517). Raises ValueError if the document is not one.

    `issuers`: what keys may be marked with. Microsoft Entra lists keys of others, too, such as personal accounts.
    """
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > _MOST_KEYS:
        raise ValueError("not a list of keys")
    found = [_key(each) for each in listed if isinstance(each, dict) and _is_of(each, issuers)]
    usable = tuple(key for key in found if key)
    return KeySet(usable, len(listed) - len(usable))


def _is_of(jwk: Members, issuers: frozenset[str]) -> bool:
    marked = jwk.get("issuer")
    return marked is None or (isinstance(marked, str) and marked in issuers)


def _key(jwk: Members) -> Key | None:
    """A key for signatures, or None if it is for something else, weak or invalid."""
    algorithms = _algorithms(jwk)
    key_id = jwk.get("kid")
    if not algorithms or not isinstance(key_id, str | None) or not _is_for_signatures(jwk):
        return None
    # Without private members, which some test providers publish, and with one algorithm of the family.
    members = {name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk}
    try:
        public = jwt.PyJWK(members).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if members["kty"] == "RSA" and public.key_size < _SHORTEST_RSA_BITS:
        return None
    return Key(key_id, algorithms, json.dumps(members, sort_keys=True), public)


def _algorithms(jwk: Members) -> frozenset[str]:
    """The algorithms of a key's family, or only the one that it is restricted to."""
    family = _RSA if jwk.get("kty") == "RSA" else _CURVES.get((str(jwk.get("kty")), str(jwk.get("crv"))), frozenset())
    restriction = jwk.get("alg")
    return family if restriction is None else family & {str(restriction)}


def _is_for_signatures(jwk: Members) -> bool:
    operations = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
