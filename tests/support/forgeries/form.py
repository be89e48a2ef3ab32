"""Forgeries whose form is wrong: the header's value, the parts, base64url, JSON, and size."""

import json
from typing import Any

from tests.support.forgeries.forgery import Forgery, with_authorization, with_header, with_parts, with_payload
from tests.support.signing import base64url, compact
from tests.support.simulated_providers import Issuer, Providers

_DAMAGED = "damaged"
_ONE = "exactly one token"
_SCHEME = "Sign in with a bearer token"
_NOT_JWT = "not a JSON Web Token"


def _twice(claims: dict[str, Any]) -> str:
    """A claim that appears twice: a reader that takes the first one sees another role than we do."""
    return json.dumps(claims | {"roles": ["Contacts.Read"]})[:-1] + ', "roles": ["Contacts.Admin"]}'


def _twice_within(claims: dict[str, Any]) -> str:
    return json.dumps(claims)[:-1] + ', "realm_access": {"roles": [], "roles": ["Contacts.Admin"]}}'


def _header_twice(issuer: Issuer, providers: Providers) -> str:
    key = issuer.keys[-1]
    header = f'{{"alg": "none", "kid": "{key.id}", "typ": "JWT", "alg": "{key.algorithm}"}}'
    return f"Bearer {key.token(issuer.user(), header)}"


def _header_as_list(issuer: Issuer, providers: Providers) -> str:
    token = issuer.keys[-1].token(issuer.user(), '["RS256"]')
    return f"Bearer {token}"


def _standard_alphabet(issuer: Issuer, providers: Providers) -> str:
    """A token with + and / instead of - and _, as an ordinary base64 has them."""
    good = issuer.bearer(issuer.user(mark="???>>>ÿÿÿ~~~"))
    assert "-" in good or "_" in good
    return good.replace("-", "+").replace("_", "/")


def _another_last_bit(parts: list[str]) -> list[str]:
    """Bits of the last character that encode nothing are set: many readers decode it to the same signature."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(parts[2][-1]) | 1]
    return [*parts[:2], parts[2][:-1] + last]


def _nested(issuer: Issuer, providers: Providers) -> str:
    inner = issuer.bearer().removeprefix("Bearer ")
    return f"Bearer {issuer.keys[-1].token(inner, {'cty': 'JWT'})}"


def _encrypted(issuer: Issuer, providers: Providers) -> str:
    header = base64url(b'{"alg":"RSA-OAEP","enc":"A256GCM"}')
    return "Bearer " + ".".join([header, *[base64url(bytes(32))] * 4])


def _large(size: int) -> Forgery:
    def make(issuer: Issuer, providers: Providers) -> str:
        return issuer.bearer(issuer.user(padding="x" * size))

    return Forgery(f"token of {size} bytes", "larger than 16 KiB", make, is_huge=size > 20_000)


FORGERIES = [
    with_authorization("no token", _ONE, lambda good: "Bearer"),
    with_authorization("token without scheme", _SCHEME, lambda good: good[7:], has_token=False),
    with_authorization("scheme Basic", _SCHEME, lambda good: "Basic YWRhOnNlY3JldA==", has_token=False),
    with_authorization("scheme DPoP", _SCHEME, lambda good: f"DPoP {good[7:]}", has_token=False),
    with_authorization("scheme with another letter", _SCHEME, lambda good: f"Bearers {good[7:]}", has_token=False),
    with_authorization("scheme without space", _SCHEME, lambda good: f"Bearer{good[7:]}", has_token=False),
    with_authorization("tab after the scheme", _SCHEME, lambda good: f"Bearer\t{good[7:]}", has_token=False),
    with_authorization("two tokens", _ONE, lambda good: f"{good} {good[7:]}"),
    with_authorization("two tokens in a list", _ONE, lambda good: f"{good}, {good}"),
    with_authorization("two tokens with a comma", _ONE, lambda good: f"{good},{good[7:]}"),
    with_authorization("space in the token", _ONE, lambda good: good.replace(".", ". ", 1)),
    with_authorization("parameter after the token", _ONE, lambda good: f"{good}, realm=x"),
    with_authorization("quoted token", _DAMAGED, lambda good: f'Bearer "{good[7:]}"'),
    with_authorization("opaque token", _NOT_JWT, lambda good: "Bearer 2YotnFZFEjr1zCsicMWpAA"),
    with_authorization("letter outside ASCII", _DAMAGED, lambda good: good.replace(".", ".ÿ", 1)),
    with_authorization("dot at the end", _NOT_JWT, lambda good: f"{good}."),
    with_authorization("garbage at the end", "signature is wrong", lambda good: f"{good}AAAA"),
    with_authorization("garbage at the start", _DAMAGED, lambda good: f"Bearer AAAA{good[7:]}"),
    with_parts("without signature", _NOT_JWT, lambda parts: parts[:2]),
    with_parts("empty signature", _DAMAGED, lambda parts: [*parts[:2], ""]),
    with_parts("detached payload", _DAMAGED, lambda parts: [parts[0], "", parts[2]]),
    with_parts("empty header", _DAMAGED, lambda parts: ["", *parts[1:]]),
    with_parts("padded signature", _DAMAGED, lambda parts: [*parts[:2], f"{parts[2]}=="]),
    with_parts("signature with other unused bits", _DAMAGED, _another_last_bit),
    with_parts("percent-encoded", _DAMAGED, lambda parts: [f"%{ord(parts[0][0]):x}{parts[0][1:]}", *parts[1:]]),
    Forgery("other alphabet of base64", _DAMAGED, _standard_alphabet),
    Forgery("nested token", _DAMAGED, _nested),
    Forgery("encrypted token", "encrypted", _encrypted),
    with_payload("duplicate claims", _DAMAGED, _twice),
    with_payload("duplicate members in a claim", _DAMAGED, _twice_within),
    Forgery("duplicate header members", _DAMAGED, _header_twice),
    Forgery("header is a list", _DAMAGED, _header_as_list),
    with_payload("claims in UTF-16", _DAMAGED, lambda claims: json.dumps(claims).encode("utf-16")),
    with_payload("claims not in UTF-8", _DAMAGED, lambda claims: json.dumps(claims).encode()[:-1] + b',"x":"\xff"}'),
    with_payload("claims with byte order mark", _DAMAGED, lambda claims: "\ufeff" + json.dumps(claims)),
    with_payload("claims in a list", _DAMAGED, lambda claims: json.dumps([claims])),
    with_payload("claims are null", _DAMAGED, lambda claims: "null"),
    with_payload("text after the claims", _DAMAGED, lambda claims: json.dumps(claims) + "{}"),
    with_payload("claims nested deeply", _DAMAGED, lambda claims: json.dumps(claims)[:-1] + ',"x":' + "[" * 8_000),
    with_payload("exp is NaN", _DAMAGED, lambda claims: json.dumps(claims | {"exp": float("nan")})),
    with_payload("exp is Infinity", _DAMAGED, lambda claims: json.dumps(claims | {"exp": float("inf")})),
    with_payload(
        "number with 5,000 digits", _DAMAGED, lambda claims: json.dumps(claims)[:-1] + f',"y":{"9" * 5_000}}}'
    ),
    with_header("header crit", "contains crit", crit=["exp"], exp=1),
    with_header("header b64 true", "contains b64", b64=True),
    with_header("header zip", "contains zip", zip="DEF"),
    Forgery(
        "header b64 false",
        "contains crit",
        lambda issuer, _: f"Bearer {compact({'alg': 'RS256', 'b64': False, 'crit': ['b64']}, issuer.user(), b'x')}",
    ),
    _large(17_000),
    _large(1_000_000),
]
