"""Simulated OpenID Connect providers on loopback: a plain one, and Microsoft Entra with two tenants.

As in Entra, both tenants sign with the same keys: only the issuer and the tenant's ID tell their tokens apart.
"""

import json
import ssl
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

from identity.keyring import Pace
from settings import Settings
from tests.support.signing import SigningKey, base64url, ec_key, ed25519_key, rsa_key

CONTOSO = "11111111-aaaa-4bbb-8ccc-0123456789ab"
FABRIKAM = "22222222-aaaa-4bbb-8ccc-0123456789ab"
AUDIENCE = "0a6e1f4c-7d3b-4d6e-9a51-5f2b8c9d0e1f"
CLIENT = "c11e0000-0000-4000-8000-00000000c11e"
PERSON = "0b1ec700-0000-4000-8000-000000000001"
SECRET = b"a secret that the provider lists by mistake, which everyone can read"
ROLES = {"READER": "Contacts.Read", "EDITOR": "Contacts.ReadWrite", "ADMIN": "Contacts.Admin"}
ENDPOINTS = ("authorization", "token", "end_session")
Kind = Literal["plain", "entra"]
NEVER = 1_000_000.0
ON_DEMAND = Pace(NEVER, NEVER, NEVER)
"""A service that fetches keys at start, and once for unknown ones."""
ALWAYS = Pace(0.01, 0.01, NEVER)
"""A service that fetches keys in the background all the time."""


@dataclass
class Issuer:
    """One issuer, or one tenant of Entra. `keys` are listed, and the last one signs."""

    kind: Kind
    url: str
    tenant: str
    keys: list[SigningKey]
    extra_jwks: list[dict[str, Any]] = field(default_factory=list)

    def settings(self, **changes: Any) -> Settings:
        """Settings of a service that takes this issuer's tokens."""
        own = {"auth": "oidc", "oidc_issuer": self.url, "oidc_audience": AUDIENCE}
        return Settings.model_validate(own | changes)

    def user(self, **changes: Any) -> dict[str, Any]:
        """The claims of an access token for a person who may edit. None leaves a claim out."""
        own = self._usual() | {
            "roles": [ROLES["EDITOR"]],
            "sub": "subject-1",
            "preferred_username": "ada@contoso.example",
        }
        if self.kind == "entra":
            own |= {
                "oid": PERSON,
                "name": "Ada Lovelace",
                "azp": CLIENT,
                "azpacr": "1",
                "scp": " ".join(ROLES.values()),
            }
        else:
            own |= {"scope": "openid profile", "client_id": CLIENT}
        return _without_none(own | changes)

    def app(self, **changes: Any) -> dict[str, Any]:
        """The claims of an access token of an app that acts for itself (client credentials)."""
        own = self._usual() | {"roles": [ROLES["READER"]]}
        if self.kind == "entra":
            own |= {"oid": "a99", "sub": "a99", "azp": CLIENT, "azpacr": "1", "idtyp": "app"}
        else:
            own |= {"sub": CLIENT, "client_id": CLIENT, "scope": "contacts"}
        return _without_none(own | changes)

    def user_v1(self, **changes: Any) -> dict[str, Any]:
        """The same as `user` in version 1 of Entra's tokens."""
        own = {"iss": f"https://sts.windows.net/{self.tenant}/", "ver": "1.0", "appid": CLIENT, "appidacr": "1"}
        own |= {"upn": "ada@contoso.example", "unique_name": "ada@contoso.example"}
        return self.user(**own | {"azp": None, "azpacr": None, "preferred_username": None} | changes)

    def id_token(self, **changes: Any) -> dict[str, Any]:
        """The claims of an ID token for an app whose client ID is the audience, as it is with Entra."""
        own = dict.fromkeys(("scope", "scp", "client_id", "azp", "azpacr")) | {"nonce": "n-0S6_WzA2Mj"}
        return self.user(**own | changes)

    def bearer(self, claims: Mapping[str, Any] | None = None, **header: Any) -> str:
        """The `Authorization` of a token with these claims, by default a person's, signed with the newest key."""
        return f"Bearer {self.keys[-1].token(self.user() if claims is None else claims, header)}"

    def rotate(self, *, revoke: bool = False) -> SigningKey:
        """Sign with a new key from now on. `revoke` stops listing the old ones."""
        new = rsa_key(f"key-{uuid.uuid4()}")
        self.keys[:] = [new] if revoke else [*self.keys, new]
        return new

    def _usual(self) -> dict[str, Any]:
        now = int(time.time())
        own = {"iss": self.url, "aud": AUDIENCE, "iat": now - 10, "nbf": now - 10, "exp": now + 3600}
        return own | ({"tid": self.tenant, "ver": "2.0"} if self.kind == "entra" else {})


@dataclass
class Providers:
    """The providers on one port. `fetches` counts requests by path; while `is_down`, all of them fail.

    `answers` replaces what a path returns: status, headers and body. While `gate` is not set, answers with keys are
    held back as they were when the request came; `held` is set when that has happened.
    """

    plain: Issuer
    contoso: Issuer
    fabrikam: Issuer
    fetches: Counter[str] = field(default_factory=Counter)
    is_down: bool = False
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    gate: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)

    def of(self, kind: Kind) -> Issuer:
        """The provider of this kind: the plain one, or Contoso's tenant."""
        return self.contoso if kind == "entra" else self.plain

    def key_fetches(self, issuer: Issuer) -> int:
        """How often the issuer's keys have been fetched."""
        return self.fetches[keys_path(issuer)]

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """What a request for this path gets."""
        self.fetches[path] += 1
        found = (503, {}, b"") if self.is_down else self.answers.get(path) or self._usual(path)
        if path.endswith("keys") and not self.gate.is_set():
            self.held.set()
            self.gate.wait()
        return found

    def _usual(self, path: str) -> tuple[int, dict[str, str], bytes]:
        for issuer in (self.plain, self.contoso, self.fabrikam):
            origin = _origin(issuer)
            if path == discovery_path(issuer):
                document = {"issuer": issuer.url, "jwks_uri": f"{origin}{keys_path(issuer)}"}
                document |= {f"{name}_endpoint": f"{origin}/{name}" for name in ENDPOINTS}
                return 200, {}, json.dumps(document).encode()
            if path == keys_path(issuer):
                marks = {"issuer": f"{origin}/{{tenantid}}/v2.0"} if issuer.kind == "entra" else {}
                keys = [*(key.jwk(**marks) for key in issuer.keys), *issuer.extra_jwks]
                return 200, {}, json.dumps({"keys": keys}).encode()
        return 404, {}, b""


@contextmanager
def providers(certificate: Path | None = None) -> Iterator[Providers]:
    """Running providers, which stop at the end of the block. With a certificate (PEM, with its key) they use TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = running.answer(self.path)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        origin = f"http://127.0.0.1:{server.server_port}"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            origin = origin.replace("http", "https")
        shared = [rsa_key("entra-old"), rsa_key("entra")]
        running = Providers(
            Issuer(
                "plain",
                origin,
                "",
                [ec_key("plain-ec"), ed25519_key("plain-ed"), rsa_key("plain-old"), rsa_key("plain")],
            ),
            Issuer("entra", f"{origin}/{CONTOSO}/v2.0", CONTOSO, shared),
            Issuer("entra", f"{origin}/{FABRIKAM}/v2.0", FABRIKAM, shared),
        )
        for issuer in (running.plain, running.contoso, running.fabrikam):
            issuer.extra_jwks += unusable_keys()
        running.gate.set()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield running
        finally:
            running.gate.set()
            server.shutdown()
            thread.join()


def unusable_keys() -> list[dict[str, Any]]:
    """Keys that providers list, and that must not verify any access token: weak ones, secrets, and for other uses."""
    return [
        rsa_key("weak", bits=1024).jwk(),
        ec_key("bitcoin", "ES256K").jwk(),
        rsa_key("encryption").jwk(use="enc"),
        rsa_key("wrapping").jwk(key_ops=["wrapKey"]),
        rsa_key("personal").jwk(issuer="https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"),
        rsa_key("only-512").jwk(alg="RS512"),
        {"kty": "oct", "kid": "secret", "k": base64url(SECRET), "alg": "HS256"},
        {"kty": "RSA", "kid": "broken", "n": "AQAB"},
    ]


def discovery_path(issuer: Issuer) -> str:
    """The path of the issuer's discovery document."""
    return f"{issuer.url.removeprefix(_origin(issuer))}/.well-known/openid-configuration"


def keys_path(issuer: Issuer) -> str:
    """The path of the issuer's keys."""
    return f"/{issuer.tenant}/discovery/v2.0/keys" if issuer.kind == "entra" else "/keys"


def _origin(issuer: Issuer) -> str:
    return "/".join(issuer.url.split("/")[:3])


def _without_none(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if value is not None}
