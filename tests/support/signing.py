"""Keys that sign tokens, and tokens put together by hand, so that tests can make wrong ones."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import AllowedPrivateKeys

CURVES: dict[str, tuple[str, ec.EllipticCurve]] = {
    "ES256": ("P-256", ec.SECP256R1()),
    "ES384": ("P-384", ec.SECP384R1()),
    "ES512": ("P-521", ec.SECP521R1()),
    "ES256K": ("secp256k1", ec.SECP256K1()),
}


def base64url(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(header: Mapping[str, Any] | str, claims: Mapping[str, Any] | str | bytes, signature: bytes = b"") -> str:
    """A token with exactly these parts."""
    parts = [each if isinstance(each, str | bytes) else json.dumps(each) for each in (header, claims)]
    data = [each.encode() if isinstance(each, str) else each for each in parts]
    return ".".join(base64url(each) for each in [*data, signature])


@dataclass(frozen=True)
class SigningKey:
    """A private key with the algorithm that it is used with."""

    id: str
    algorithm: str
    private: AllowedPrivateKeys

    def jwk(self, **members: Any) -> dict[str, Any]:
        """The public key as a provider lists it, with other members where given. None leaves one out."""
        public = json.loads(jwt.get_algorithm_by_name(_name(self.algorithm)).to_jwk(self.private.public_key()))
        found = public | {"key_ops": None, "kid": self.id, "use": "sig"} | members
        return {name: value for name, value in found.items() if value is not None}

    def pem(self) -> bytes:
        """The public key as PEM."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def der(self) -> bytes:
        """The public key as DER."""
        return self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def signature(self, signed: bytes, algorithm: str | None = None) -> bytes:
        """The signature of these bytes."""
        return jwt.get_algorithm_by_name(_name(algorithm or self.algorithm)).sign(signed, self.private)

    def token(self, claims: Mapping[str, Any] | str | bytes, header: Mapping[str, Any] | str | None = None) -> str:
        """A signed token. `header`: members besides the usual ones, None to leave one out; or the whole as text."""
        usual = {"alg": self.algorithm, "kid": self.id, "typ": "JWT"}
        if not isinstance(header, str):
            header = {name: value for name, value in (usual | dict(header or {})).items() if value is not None}
        unsigned = compact(header, claims).rpartition(".")[0]
        return f"{unsigned}.{base64url(self.signature(unsigned.encode()))}"


def _name(algorithm: str) -> str:
    """PyJWT's name of an algorithm."""
    return "EdDSA" if algorithm == "Ed25519" else algorithm


@cache
def rsa_key(name: str, algorithm: str = "RS256", bits: int = 2048) -> SigningKey:
    """An RSA key. The same name is the same key in this process."""
    return SigningKey(name, algorithm, rsa.generate_private_key(65537, bits))


@cache
def ec_key(name: str, algorithm: str = "ES256") -> SigningKey:
    """A key on the elliptic curve of this algorithm."""
    return SigningKey(name, algorithm, ec.generate_private_key(CURVES[algorithm][1]))


@cache
def ed25519_key(name: str, algorithm: str = "EdDSA") -> SigningKey:
    """A key on the curve Ed25519."""
    return SigningKey(name, algorithm, ed25519.Ed25519PrivateKey.generate())
