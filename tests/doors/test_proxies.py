"""Trusted proxies, TLS, and sign-in by a proxy."""

from collections.abc import AsyncIterator

import httpx
import pytest

from resolvers.caller import Caller, Role
from settings import Settings
from storage.driver import Database
from tests.support.doors import Authorize
from tests.support.service import Machines, machines

PROXY, INNER, CLIENT, STRANGER = "10.0.0.7", "10.0.0.8", "203.0.113.9", "198.51.100.4"
VIEWER = "/api/identity/viewer"
ADA = {"X-Forwarded-User": "ada", "X-Forwarded-Groups": "staff, Contacts.Admin", "X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
async def behind(secured_settings: Settings, prepared_db: Database) -> AsyncIterator[Machines]:
    """A service with tokens behind proxies."""
    async with machines(secured_settings.model_copy(update={"trusted_proxies": ("10.0.0.0/29", INNER)})) as found:
        yield found


@pytest.fixture(scope="module")
async def by_proxy(settings: Settings, prepared_db: Database) -> AsyncIterator[Machines]:
    """A service whose proxy signs users in."""
    async with machines(settings.model_copy(update={"auth": "proxy", "trusted_proxies": (PROXY,)})) as found:
        yield found


async def test_tokens_require_tls(behind: Machines, authorize: Authorize) -> None:
    """A token that was sent over the network in plain text is refused, except through a proxy that ends TLS."""
    headers = {"authorization": authorize(Role.READER)}
    for address in (CLIENT, PROXY):
        for path in (VIEWER, "/graphql", "/healthz"):
            answer = await behind.client(address).get(path, headers=headers)
            assert answer.status_code == 403
            assert "Use https" in answer.text
    assert (await behind.client(CLIENT).get("/healthz")).status_code == 200
    assert (await behind.client(CLIENT, "https://contacts.example").get(VIEWER, headers=headers)).status_code == 200
    assert (await behind.client("127.0.0.1").get(VIEWER, headers=headers)).status_code == 200
    forwarded = headers | {"X-Forwarded-Proto": "https", "X-Forwarded-For": CLIENT}
    assert (await behind.client(PROXY).get(VIEWER, headers=forwarded)).status_code == 200
    for proto in ("http", "https, http", "http,https", "other"):
        answer = await behind.client(PROXY).get(VIEWER, headers=forwarded | {"X-Forwarded-Proto": proto})
        assert answer.status_code == 403


async def test_strangers_are_not_believed(behind: Machines, authorize: Authorize) -> None:
    """Forwarding headers of anyone but a trusted proxy have no effect."""
    headers = {"authorization": authorize(Role.READER), "X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1"}
    assert (await behind.client(STRANGER).get(VIEWER, headers=headers)).status_code == 403
    other_host = {"X-Forwarded-Host": "localhost", "Host": "evil.example"}
    assert (await behind.client(STRANGER).get(VIEWER, headers=headers | other_host)).status_code == 421
    assert (await behind.client(PROXY).get(VIEWER, headers=headers | other_host)).status_code == 200


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (CLIENT, CLIENT),
        (f"{STRANGER}, {CLIENT}", CLIENT),
        (f"{CLIENT}, {INNER}", CLIENT),
        (f"{CLIENT}:4711", CLIENT),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("nonsense", PROXY),
        (f"nonsense, {INNER}", INNER),
        (f"{INNER}, {PROXY}", INNER),
        ("", PROXY),
    ],
)
async def test_address_of_the_client(
    behind: Machines, db: Database, authorize: Authorize, forwarded: str, address: str
) -> None:
    """The audit log has the address that the last trusted proxy saw, not what clients make up."""
    headers = {"authorization": authorize(None), "X-Forwarded-Proto": "https", "X-Forwarded-For": forwarded}
    assert (await behind.client(PROXY).get(VIEWER, headers=headers)).status_code == 403
    entry = await db.audit.find_one({"action": "SIGN_IN", "code": "FORBIDDEN"})
    assert entry is not None
    assert entry["address"] == address


async def test_users_of_a_proxy(by_proxy: Machines, caller: Caller) -> None:
    """A trusted proxy says who a user is and which roles they have."""
    answer = await by_proxy.client(PROXY).get(VIEWER, headers=ADA)
    assert answer.json() == {"id": "ada", "name": "ada", "kind": "USER", "role": "ADMIN"}
    nobody = await by_proxy.client(PROXY).get(VIEWER, headers=ADA | {"X-Forwarded-Groups": "staff"})
    assert (nobody.status_code, nobody.json()["code"]) == (403, "FORBIDDEN")
    encoded = [(name.encode(), value.encode()) for name, value in (ADA | {"X-Forwarded-User": "zoë"}).items()]
    accents = await by_proxy.client(PROXY).get(VIEWER, headers=encoded)
    assert accents.json()["name"] == "zoë"


@pytest.mark.parametrize(
    ("address", "headers", "message"),
    [
        (STRANGER, ADA, "Users sign in at the proxy"),
        ("127.0.0.1", ADA, "Users sign in at the proxy"),
        (PROXY, {"X-Forwarded-Proto": "https"}, "did not send the header X-Forwarded-User"),
        (PROXY, ADA | {"X-Forwarded-User": " "}, "did not send the header X-Forwarded-User"),
        (PROXY, ADA | {"X-Forwarded-User": "a" * 300}, "too long"),
        (PROXY, ADA | {"X-Forwarded-User": b"a\x01b"}, "control characters"),
        (PROXY, ADA | {"Authorization": "Bearer x"}, "Configure the proxy to remove it"),
    ],
)
async def test_nobody_else_gets_in(by_proxy: Machines, address: str, headers: dict[str, str], message: str) -> None:
    """Nobody else can say who they are, and no header is silently ignored."""
    answer = await by_proxy.client(address, "https://contacts.example").get(VIEWER, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
    assert message in answer.json()["detail"]


@pytest.mark.parametrize("name", ["X-Forwarded-User", "X-Forwarded-Groups"])
async def test_headers_that_users_add(by_proxy: Machines, name: str) -> None:
    """If the proxy forwards a header of the user beside its own, the request is refused."""
    headers = [*ADA.items(), (name, "Contacts.Admin")]
    answer = await by_proxy.client(PROXY).get(VIEWER, headers=headers)
    assert answer.status_code == 401
    assert f"several headers {name}" in answer.json()["detail"]


async def test_no_sign_in_ignores_no_token(client: httpx.AsyncClient) -> None:
    """Without sign-in, a request with a token is refused: its sender expects that it is checked."""
    answer = await client.get(VIEWER, headers={"authorization": "Bearer x"})
    assert answer.status_code == 401
    assert "CONTACTS_AUTH=none" in answer.json()["detail"]
    assert (await client.get(VIEWER)).json()["name"] == "local user"
