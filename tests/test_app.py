"""The application's frame."""

import pytest
from httpx import AsyncClient

from storage.driver import Database, Unavailable


async def test_health(client: AsyncClient) -> None:
    """The service says that it lives and that its database answers."""
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/readyz")).json() == {"status": "ok"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_root_leads_to_graphiql(client: AsyncClient, method: str) -> None:
    """The bare address of the service, as the README gives it, leads a browser to GraphiQL."""
    answer = await client.request(method, "/", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (307, "/graphql")


async def test_unknown_path_names_the_doors(client: AsyncClient) -> None:
    """Where there is nothing, the answer says where GraphQL and REST are."""
    detail = (await client.get("/nowhere")).json()["detail"]
    assert "/graphql" in detail
    assert "/api/identity/openapi.json" in detail


async def test_request_id_is_given(client: AsyncClient) -> None:
    """Every answer names its request, by the caller's name for it if that is harmless."""
    assert (await client.get("/healthz", headers={"X-Request-Id": "abc-1"})).headers["x-request-id"] == "abc-1"
    assert len((await client.get("/healthz", headers={"X-Request-Id": "<no>"})).headers["x-request-id"]) == 36


@pytest.mark.parametrize("path", ["/readyz", "/api/identity/contacts/x"])
async def test_unreachable_database(client: AsyncClient, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """While the database does not answer, the service says so and when to try again; it is not ready, but lives."""

    async def unreachable(*_: object, **__: object) -> None:
        raise Unavailable[0]("connection refused")

    monkeypatch.setattr(Database, "ping", unreachable)
    monkeypatch.setattr("storage.contacts.get", unreachable)
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"
    assert (await client.get("/healthz")).status_code == 200
