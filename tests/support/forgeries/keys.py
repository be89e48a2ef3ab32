"""Forgeries whose signature is wrong: no signature, another key, another algorithm, or a key that the token brings."""

import hashlib
import hmac
import json
from base64 import b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.support.forgeries.forgery import Forgery, Make, unsigned, with_header, with_parts
from tests.support.signing import SigningKey, base64url, compact, ec_key, ed25519_key, rsa_key
from tests.support.simulated_providers import SECRET, Issuer, Providers

_UNFIT = "does not fit the provider's key"
_UNLISTED = "that the provider does not list"
_WRONG = "signature is wrong"
_INVALID = "header is invalid"
_DAMAGED = "damaged"
_ATTACKER = "http://127.0.0.1:9/keys"


def _hmac(secret: bytes, kid: str, issuer: Issuer, algorithm: str = "HS256") -> str:
    text = compact({"alg": algorithm, "kid": kid, "typ": "JWT"}, issuer.user()).rpartition(".")[0]
    signature = hmac.digest(secret, text.encode(), {"HS256": hashlib.sha256, "HS512": hashlib.sha512}[algorithm])
    return f"Bearer {text}.{base64url(signature)}"


def _secret_in(kind: str) -> Make:
    """HMAC with the public key as its secret, in one of the forms that a library might read it in."""

    def make(issuer: Issuer, providers: Providers) -> str:
        key = issuer.keys[-1]
        jwk = key.jwk(issuer=issuer.url) if issuer.kind == "entra" else key.jwk()
        secret = {"PEM": key.pem(), "DER": key.der(), "JWK": json.dumps(jwk).encode(), "n": jwk["n"].encode()}[kind]
        return _hmac(secret, key.id, issuer, "HS512" if kind == "n" else "HS256")

    return make


def _by(key: SigningKey, **header: Any) -> Make:
    """Signed with this key, by default under its own name and algorithm."""
    return lambda issuer, _: f"Bearer {key.token(issuer.user(), header)}"


def _posing(key: SigningKey, **header: Any) -> Make:
    """Signed with this key under the name of the provider's own one."""
    return lambda issuer, _: f"Bearer {key.token(issuer.user(), {'kid': issuer.keys[-1].id} | header)}"


def _kid_null(issuer: Issuer, providers: Providers) -> str:
    token = issuer.keys[-1].token(issuer.user(), '{"alg": "RS256", "kid": null}')
    return f"Bearer {token}"


def _certificate() -> dict[str, Any]:
    return {"x5c": [b64encode(rsa_key("attacker").der()).decode()]}


def _signature_of_another(issuer: Issuer, providers: Providers) -> str:
    other = issuer.bearer(issuer.app()).rpartition(".")[2]
    return f"{issuer.bearer().rpartition('.')[0]}.{other}"


def _promoted(parts: list[str]) -> list[str]:
    """The claims are replaced by those of an administrator, with the old signature."""
    return [parts[0], base64url(b'{"roles":["Contacts.Admin"]}'), parts[2]]


def _promoted_claims(issuer: Issuer, providers: Providers) -> str:
    header, _, signature = issuer.bearer().split(".")
    return f"{header}.{base64url(json.dumps(issuer.user(roles=['Contacts.Admin'])).encode())}.{signature}"


def _other_header(issuer: Issuer, providers: Providers) -> str:
    _, claims, signature = issuer.bearer().split(".")
    key = issuer.keys[-1]
    header = base64url(json.dumps({"alg": key.algorithm, "kid": key.id, "typ": "at+jwt"}).encode())
    return f"Bearer {header}.{claims}.{signature}"


def _flipped(parts: list[str]) -> list[str]:
    return [*parts[:2], ("B" if parts[2][0] != "B" else "C") + parts[2][1:]]


def _curve(signature: bytes) -> Make:
    """An ES256 token with this signature under the name of the provider's elliptic key."""

    def make(issuer: Issuer, providers: Providers) -> str:
        return f"Bearer {compact({'alg': 'ES256', 'kid': 'plain-ec', 'typ': 'JWT'}, issuer.user(), signature)}"

    return make


def _der(issuer: Issuer, providers: Providers) -> str:
    """A good ES256 signature as DER, as X.509 has it, and not as the two numbers that JWS wants."""
    good = issuer.keys[0].token(issuer.user())
    text = good.rpartition(".")[0]
    raw = issuer.keys[0].signature(text.encode())
    numbers = (int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    return f"Bearer {text}.{base64url(encode_dss_signature(*numbers))}"


# The order of the group on P-256.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

FORGERIES = [
    *(unsigned(f"alg {name}", _DAMAGED, alg=name) for name in ("none", "None", "NONE", "nOnE")),
    *(unsigned(f"alg {name} with a signature", _UNFIT, b"x", alg=name) for name in ("none", "None", "NONE", "nOnE")),
    unsigned("alg empty", _UNFIT, b"x", alg=""),
    unsigned("alg missing", _INVALID, b"x"),
    unsigned("alg null", _INVALID, b"x", alg=None),
    unsigned("alg is a list", _INVALID, b"x", alg=["RS256"]),
    with_header("alg in lower case", _UNFIT, alg="rs256"),
    with_header("alg RS1", _UNFIT, alg="RS1"),
    with_header("alg of another family", _UNFIT, alg="ES256"),
    with_header("alg of the same family", _WRONG, alg="PS256"),
    *(Forgery(f"HMAC with the public key as {kind}", _UNFIT, _secret_in(kind)) for kind in ("PEM", "DER", "JWK", "n")),
    Forgery("HMAC with an empty secret", _UNFIT, lambda issuer, _: _hmac(b"", issuer.keys[-1].id, issuer)),
    Forgery("HMAC with a listed secret", _UNLISTED, lambda issuer, _: _hmac(SECRET, "secret", issuer)),
    Forgery("embedded jwk", "contains jwk", _posing(rsa_key("attacker"), jwk=rsa_key("attacker").jwk())),
    Forgery(
        "embedded jwk without kid", "contains jwk", _by(rsa_key("attacker"), jwk=rsa_key("attacker").jwk(), kid=None)
    ),
    Forgery("jku", "contains jku", _by(rsa_key("attacker"), jku=_ATTACKER)),
    Forgery("x5u", "contains x5u", _by(rsa_key("attacker"), x5u=_ATTACKER)),
    Forgery("x5c", "contains x5c", _by(rsa_key("attacker"), **_certificate())),
    with_header("jku in a good token", "contains jku", jku=_ATTACKER),
    Forgery("another key with the same kid", _WRONG, _posing(rsa_key("attacker"))),
    Forgery("elliptic key with the same kid", _UNFIT, _posing(ec_key("attacker"))),
    Forgery("Ed25519 key with the same kid", _UNFIT, _posing(ed25519_key("attacker"))),
    Forgery("revoked key", _UNLISTED, _by(rsa_key("revoked"))),
    Forgery("unknown kid", _UNLISTED, _by(rsa_key("attacker"))),
    Forgery("kid missing", "does not say which key", lambda issuer, _: issuer.bearer(kid=None)),
    Forgery("kid is null", _INVALID, _kid_null),
    with_header("kid is a path", _UNLISTED, kid="../../../../dev/null"),
    with_header("kid is an address", _UNLISTED, kid=_ATTACKER),
    with_header("kid is SQL", _UNLISTED, kid="x' UNION SELECT 'secret';--"),
    with_header("kid is a query", _INVALID, kid={"$ne": ""}),
    with_header("kid is a number", _INVALID, kid=1),
    with_header("kid is a list", _INVALID, kid=["plain"]),
    with_header("kid is very long", _UNLISTED, kid="k" * 8_000),
    with_header("kid is empty", _UNLISTED, kid=""),
    with_header("kid with control characters", _UNLISTED, kid="plain\r\nset-cookie: a=b"),
    Forgery("kid of another listed key", _WRONG, lambda issuer, _: issuer.bearer(kid=issuer.keys[-2].id)),
    Forgery("weak RSA key", _UNLISTED, _by(rsa_key("weak", bits=1024))),
    Forgery("key for encryption", _UNLISTED, _by(rsa_key("encryption"))),
    Forgery("key for wrapping", _UNLISTED, _by(rsa_key("wrapping"))),
    Forgery("key of another issuer", _UNLISTED, _by(rsa_key("personal"))),
    Forgery("key for another algorithm", _UNFIT, _by(rsa_key("only-512"))),
    Forgery("curve that is not accepted", _UNLISTED, _by(ec_key("bitcoin", "ES256K"))),
    with_parts("signature cut off", _WRONG, lambda parts: [*parts[:2], parts[2][:-2]]),
    with_parts("signature with a changed bit", _WRONG, _flipped),
    Forgery("signature of another token", _WRONG, _signature_of_another),
    with_parts("claims replaced", "was issued by null", _promoted),
    Forgery("role raised", _WRONG, _promoted_claims),
    Forgery("header replaced", _WRONG, _other_header),
    Forgery("signature of zeros", _WRONG, _curve(bytes(64)), ("plain",)),
    Forgery("signature of zeros as DER", _WRONG, _curve(bytes.fromhex("3006020100020100")), ("plain",)),
    Forgery("signature of the group's order", _WRONG, _curve(_ORDER.to_bytes(32, "big") * 2), ("plain",)),
    Forgery("elliptic signature as DER", _WRONG, _der, ("plain",)),
    Forgery("elliptic signature of the wrong curve", _UNFIT, _by(ec_key("other", "ES384"), kid="plain-ec"), ("plain",)),
    Forgery(
        "Ed25519 signature of zeros",
        _WRONG,
        lambda issuer, _: "Bearer " + compact({"alg": "EdDSA", "kid": "plain-ed"}, issuer.user(), bytes(64)),
        ("plain",),
    ),
]
