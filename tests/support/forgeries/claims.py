"""Forgeries that the provider has signed, but for others, at another time, or for another purpose."""

import time
from typing import Any

from tests.support.forgeries.forgery import Forgery, with_claims, with_header
from tests.support.signing import rsa_key
from tests.support.simulated_providers import AUDIENCE, CONTOSO, FABRIKAM, Issuer, Kind, Providers

_NOT_ACCESS = "not an access token"
_UNCLEAR = "does not say that it is an access token"
_ISSUER = "was issued by"
_TENANT = "from the tenant"
_OTHER = "is for the audience"
_NO_AUDIENCE = "names no audience"
_WHO = "does not say who"
_ENTRA: tuple[Kind, ...] = ("entra",)
_PLAIN: tuple[Kind, ...] = ("plain",)
_PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
_LOGOUT: dict[str, object] = {"http://schemas.openid.net/event/backchannel-logout": {}}


def _id_token(name: str, because: str, **changes: Any) -> Forgery:
    return Forgery(name, because, lambda issuer, _: issuer.bearer(issuer.id_token(**changes)))


def _at(name: str, because: str, **offsets: float) -> Forgery:
    """Claims that are times, in seconds from now."""

    def make(issuer: Issuer, providers: Providers) -> str:
        return issuer.bearer(issuer.user(**{each: int(time.time() + offset) for each, offset in offsets.items()}))

    return Forgery(name, because, make)


def _issued_by(name: str, change: Any, because: str = _ISSUER, kinds: tuple[Kind, ...] = ("plain", "entra")) -> Forgery:
    """A token with the issuer changed as a text."""
    return Forgery(name, because, lambda issuer, _: issuer.bearer(issuer.user(iss=change(issuer.url))), kinds)


def _other_tenant(issuer: Issuer, providers: Providers) -> str:
    """A token of the other tenant, which shares the keys."""
    return providers.fabrikam.bearer()


def _other_tenant_v1(issuer: Issuer, providers: Providers) -> str:
    return providers.fabrikam.bearer(providers.fabrikam.user_v1())


def _other_tenant_own_key(issuer: Issuer, providers: Providers) -> str:
    return f"Bearer {rsa_key('fabrikam-own').token(providers.contoso.user())}"


_NO_TIMES = {
    "a text": "4102444800",
    "true": True,
    "a list": [4102444800],
    "an object": {"$gt": 0},
    "negative": -1,
    "10^30": 1e30,
    "10^400": 10**400,
    "in milliseconds": 4102444800000,
}


def _no_time(name: str, kind: str, value: object) -> Forgery:
    changes: dict[str, Any] = {name: value}
    return with_claims(f"{name} is {kind}", f"token's {name} is not a time", **changes)


FORGERIES = [
    # for another purpose
    _id_token("ID token", _NOT_ACCESS),
    _id_token("ID token without nonce", _UNCLEAR, nonce=None),
    _id_token("ID token with at_hash", _NOT_ACCESS, nonce=None, at_hash="x"),
    _id_token("ID token with c_hash", _NOT_ACCESS, nonce=None, c_hash="x"),
    _id_token("ID token with s_hash", _NOT_ACCESS, nonce=None, s_hash="x"),
    _id_token("ID token with the client as azp", _UNCLEAR, nonce=None, azp=AUDIENCE),
    _id_token("ID token of Cognito", _NOT_ACCESS, nonce=None, token_use="id"),
    with_header("ID token's type", _NOT_ACCESS, typ="id_token+jwt"),
    with_claims("access token with nonce", _NOT_ACCESS, nonce="n-0S6"),
    with_claims("Keycloak's ID token", _NOT_ACCESS, typ="ID"),
    with_claims("Keycloak's refresh token", _NOT_ACCESS, typ="Refresh"),
    with_claims("Keycloak's offline token", _NOT_ACCESS, typ="Offline"),
    with_claims("Keycloak's logout token", _NOT_ACCESS, typ="Logout"),
    with_claims("logout token", _NOT_ACCESS, events=_LOGOUT),
    with_header("type of a logout token", _NOT_ACCESS, typ="logout+jwt"),
    with_header("type of a security event", _NOT_ACCESS, typ="secevent+jwt"),
    with_header("type of a proof of possession", _NOT_ACCESS, typ="dpop+jwt"),
    with_header("type is a number", _NOT_ACCESS, typ=1),
    with_claims("token bound to a key", "bound to a key", cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
    with_claims("neither scopes nor client", _UNCLEAR, _PLAIN, scope=None, client_id=None),
    with_claims("neither scopes nor app", _UNCLEAR, _ENTRA, scp=None),
    with_claims("scopes without client", _UNCLEAR, _ENTRA, azp=None),
    with_claims("person's token that calls itself an app's", _UNCLEAR, _ENTRA, scp=None, idtyp="user"),
    # for others
    with_claims("no audience", _NO_AUDIENCE, aud=None),
    with_claims("audience is a number", _NO_AUDIENCE, aud=1),
    with_claims("audience is an object", _NO_AUDIENCE, aud={AUDIENCE: True}),
    with_claims("audience within a list in a list", _NO_AUDIENCE, aud=[[AUDIENCE]]),
    with_claims("empty audience", _OTHER, aud=""),
    with_claims("empty list of audiences", _OTHER, aud=[]),
    with_claims("another audience", _OTHER, aud="00000003-0000-0000-c000-000000000000"),
    with_claims("list of other audiences", _OTHER, aud=["account", "contacts"]),
    with_claims("audience with more at the end", _OTHER, aud=f"{AUDIENCE}.example"),
    with_claims("audience with more at the start", _OTHER, aud=f"api://{AUDIENCE}"),
    with_claims("start of the audience", _OTHER, aud=AUDIENCE[:-1]),
    with_claims("audience in upper case", _OTHER, aud=AUDIENCE.upper()),
    with_claims("audiences in one text", _OTHER, aud=f"account {AUDIENCE}"),
    with_claims("no issuer", _ISSUER, iss=None),
    with_claims("issuer is a list", _ISSUER, iss=["https://login.example"]),
    with_claims("another issuer", _ISSUER, iss="https://login.example"),
    _issued_by("issuer with a slash more", lambda url: f"{url}/"),
    _issued_by("issuer in upper case", str.upper),
    _issued_by("issuer with more at the end", lambda url: f"{url}.attacker.example"),
    _issued_by("issuer with space", lambda url: f"{url} "),
    _issued_by("issuer with NUL", lambda url: f"{url}\0"),
    # of another tenant
    Forgery("other tenant", _ISSUER, _other_tenant, _ENTRA),
    Forgery("other tenant in version 1", _ISSUER, _other_tenant_v1, _ENTRA),
    Forgery("other tenant's key", "does not list", _other_tenant_own_key, _ENTRA),
    _issued_by("other tenant with our ID", lambda url: url.replace(CONTOSO, FABRIKAM), kinds=_ENTRA),
    _issued_by(
        "version 1 of the other tenant with our ID", lambda _: f"https://sts.windows.net/{FABRIKAM}/", kinds=_ENTRA
    ),
    _issued_by("personal account", lambda url: url.replace(CONTOSO, _PERSONAL), kinds=_ENTRA),
    _issued_by("template as issuer", lambda url: url.replace(CONTOSO, "{tenantid}"), kinds=_ENTRA),
    _issued_by("version 1 without slash", lambda _: f"https://sts.windows.net/{CONTOSO}", kinds=_ENTRA),
    _issued_by("another cloud", lambda _: f"https://sts.chinacloudapi.cn/{CONTOSO}/", kinds=_ENTRA),
    with_claims("our issuer with the other tenant's ID", _TENANT, _ENTRA, tid=FABRIKAM),
    with_claims("tenant missing", _TENANT, _ENTRA, tid=None),
    with_claims("list of tenants", _TENANT, _ENTRA, tid=[CONTOSO]),
    # at another time
    _at("expired", "expired at", exp=-120),
    _at("expired an hour ago", "expired at", exp=-3600),
    _at("not yet valid", "is not valid before", nbf=300),
    _at("issued in the future", "in the future", iat=300),
    with_claims("exp missing", "never expires", exp=None),
    *(_no_time(name, kind, value) for name in ("exp", "nbf", "iat") for kind, value in _NO_TIMES.items()),
    # of nobody
    with_claims("subject missing", _WHO, sub=None, oid=None),
    with_claims("subject empty", _WHO, sub="", oid=""),
    with_claims("subject is a number", _WHO, sub=7, oid=7),
    with_claims("subject is an object", _WHO, sub={"$ne": 1}, oid={"$ne": 1}),
    with_claims("subject with a line break", _WHO, sub="ada\nadmin", oid="ada\nadmin"),
    with_claims("subject with half a character", _WHO, sub="\ud800", oid="\ud800"),
    with_claims("subject too long", _WHO, sub="x" * 256, oid="x" * 256),
]
