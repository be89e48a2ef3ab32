"""The application as a whole: health checks, unknown paths, request IDs, an unreachable database."""

import pytest
from httpx import AsyncClient

from storage.driver import Database, Unavailable


async def test_health(client: AsyncClient) -> None:
    """The health checks say that the service runs and that its database answers."""
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/readyz")).json() == {"status": "ok"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_root_leads_to_graphiql(client: AsyncClient, method: str) -> None:
    """The address of the service in the README redirects a browser to GraphiQL."""
    answer = await client.request(method, "/", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (307, "/graphql")


async def test_unknown_path_says_where_the_apis_are(client: AsyncClient) -> None:
    """The answer to an unknown path says where GraphQL and REST are."""
    detail = (await client.get("/nowhere")).json()["detail"]
    assert "/graphql" in detail
    assert "/api/identity/openapi.json" in detail


async def test_request_id_is_given(client: AsyncClient) -> None:
    """Every answer contains a request ID, the caller's own if it is harmless."""
    assert (await client.get("/healthz", headers={"X-Request-Id": "abc-1"})).headers["x-request-id"] == "abc-1"
    assert len((await client.get("/healthz", headers={"X-Request-Id": "<no>"})).headers["x-request-id"]) == 36


@pytest.mark.parametrize("path", ["/readyz", "/api/identity/contacts/x"])
async def test_unreachable_database(client: AsyncClient, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """While the database does not answer, requests get 503 and when to retry; the service is alive but not ready."""

    async def unreachable(*_: object, **__: object) -> None:
        raise Unavailable[0]("connection refused")

    monkeypatch.setattr(Database, "ping", unreachable)
    monkeypatch.setattr("storage.contacts.get", unreachable)
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"
    assert (await client.get("/healthz")).status_code == 200
