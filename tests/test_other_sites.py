"""Pages of other sites cannot call the service unless the settings allow their origin."""

from collections.abc import AsyncIterator

import httpx
import pytest
import websockets
from pydantic import ValidationError

from settings import Settings
from storage.driver import Database
from tests.support import waiting
from tests.support.graphql_transport_ws import connect
from tests.support.service import machines, served

FRONT = "https://front.example"
EVIL = "https://evil.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


@pytest.fixture
async def url(settings: Settings, db: Database) -> AsyncIterator[str]:
    """A service that allows one other origin."""
    async with served(settings.model_copy(update={"allowed_origins": (FRONT,)})) as (_, url):
        yield url


@pytest.mark.parametrize("path", ["/graphql", "/api/identity/contacts"])
async def test_allowed_pages_may_call(url: str, path: str) -> None:
    """CORS headers let pages of the allowed site send JSON and read the answer, but not pages of other sites."""
    async with httpx.AsyncClient(base_url=url, timeout=waiting.SECONDS) as http:
        for origin, status, allowed in ((FRONT, 200, FRONT), (EVIL, 400, None)):
            asked = await http.options(path, headers={"Origin": origin, **PREFLIGHT})
            assert (asked.status_code, asked.headers.get("access-control-allow-origin")) == (status, allowed)
            answer = await http.get(path, params={"query": "{ __typename }"}, headers={"Origin": origin})
            assert answer.headers.get("access-control-allow-origin") == allowed


async def test_allowed_pages_may_upload(url: str) -> None:
    """Pages of the allowed site may send forms, like our own."""
    form = {"operations": (None, '{"query": "{ __typename }"}'), "map": (None, "{}")}
    async with httpx.AsyncClient(base_url=url, timeout=waiting.SECONDS) as http:
        for origin, status in ((FRONT, 200), (EVIL, 403)):
            answer = await http.post("/graphql", files=form, headers={"Origin": origin})
            assert answer.status_code == status


async def test_allowed_pages_may_import(url: str) -> None:
    """The same applies to the form of an import over REST."""
    table = b"DisplayName,EmailAddress,FirstName,LastName\nAna Silva,ana@partner.example,Ana,Silva\n"
    async with httpx.AsyncClient(base_url=url, timeout=waiting.SECONDS) as http:
        for origin, status in ((EVIL, 403), ("null", 403), (FRONT, 200), (url, 200)):
            answer = await http.post(
                "/api/identity/contacts/bulk", files={"file": ("a.csv", table)}, headers={"Origin": origin}
            )
            assert answer.status_code == status
        assert (await http.get("/api/identity/contacts")).json()["totalCount"] == 1


@pytest.mark.parametrize(
    ("path", "kind"),
    [("bulk", "text/plain"), ("imports/x/undo", ""), ("imports/x/cancel", "application/x-www-form-urlencoded")],
)
async def test_what_browsers_send_unasked(client: httpx.AsyncClient, path: str, kind: str) -> None:
    """Pages of other sites can neither post plain text nor send a POST without a body; other clients can."""
    path = f"/api/identity/contacts/{path}"
    headers = {"Content-Type": kind} if kind else {}
    refused = await client.post(path, headers={"Origin": EVIL, **headers})
    assert (refused.status_code, refused.json()["code"]) == (403, "FOREIGN_ORIGIN")
    assert (await client.post(path, headers=headers)).status_code in (404, 422)


async def test_allowed_pages_may_subscribe(url: str) -> None:
    """Pages of the allowed site may open a WebSocket; pages of other sites may not."""
    async with connect(url, origin=FRONT) as client:
        await client.initialize()
    with pytest.raises(websockets.InvalidStatus, match="403"):
        async with connect(url, origin=EVIL):
            pass


@pytest.mark.parametrize("path", ["/api/identity/contacts/export", "/api/identity/audit/export"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": FRONT}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": EVIL}, 403),
        ({"Origin": EVIL}, 403),
    ],
)
async def test_exports_from_other_sites(
    url: str, db: Database, path: str, headers: dict[str, str], status: int
) -> None:
    """A page of another site cannot make its visitor export, which it could not read, but the audit log would have."""
    async with httpx.AsyncClient(base_url=url, timeout=waiting.SECONDS) as http:
        assert (await http.get(path, headers=headers)).status_code == status
    assert await db.audit.count_documents({}) == (1 if status == 200 else 0)


async def test_unencrypted_pages_of_the_same_name(settings: Settings, db: Database) -> None:
    """Anyone on the network can send a page as http://contacts.example. It is not one of our own if we have TLS."""
    form = {"operations": (None, '{"query": "{ __typename }"}'), "map": (None, "{}")}
    async with machines(settings) as running:
        client = running.client("127.0.0.1", "https://contacts.example")
        for origin, status in (("http://contacts.example", 403), ("https://contacts.example", 200)):
            assert (await client.post("/graphql", files=form, headers={"Origin": origin})).status_code == status
            answer = await client.post("/api/identity/contacts/imports/x/undo", headers={"Origin": origin})
            assert answer.status_code == (404 if status == 200 else 403)
    for scheme, is_own in (("ws", True), ("wss", False)):
        assert settings.welcomes("http://contacts.example", "contacts.example", scheme) is is_own


async def test_nobody_is_allowed_by_default(client: httpx.AsyncClient) -> None:
    """Without the setting, no header lets pages of other sites read an answer."""
    answer = await client.post("/graphql", json={"query": "{ __typename }"}, headers={"Origin": FRONT})
    assert "access-control-allow-origin" not in answer.headers


def test_settings_name_origins() -> None:
    """Origins are listed one by one, with a scheme and without a path."""
    named = Settings.model_validate({"allowed_origins": "https://Front.example http://localhost:5173"})
    assert named.allowed_origins == (FRONT, "http://localhost:5173")
    for wrong in ("*", "front.example", "https://front.example/", "https://*.example"):
        with pytest.raises(ValidationError, match="write each origin as"):
            Settings.model_validate({"allowed_origins": wrong})
