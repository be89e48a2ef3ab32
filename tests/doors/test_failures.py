"""Requests without a valid sign-in: they are counted, and what is public needs none."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pymongo.errors import OperationFailure

from resolvers import audit_log
from resolvers.audit_log import Failures
from resolvers.caller import Caller, Role
from settings import Settings
from storage.audit import entries
from storage.driver import Unavailable
from tests.support import waiting
from tests.support.doors import Authorize
from tests.support.service import machines

STRANGER = "198.51.100.4"


async def counted(caller: Caller) -> list[tuple[str, int]]:
    """The addresses of failed sign-ins and their numbers."""
    found = await caller.db.audit.find({"action": "SIGN_IN", "code": "UNAUTHENTICATED"}).to_list(None)
    return [(each["address"], each["count"]) for each in found]


async def test_failures_are_counted(
    secured: httpx.AsyncClient, secured_settings: Settings, caller: Caller, authorize: Authorize
) -> None:
    """Requests without a valid token leave one entry per address and minute, with their number."""
    async with machines(secured_settings) as running:
        stranger = running.client(STRANGER, "https://contacts.example")
        for _ in range(3):
            await stranger.get("/api/identity/contacts")
            await stranger.post("/graphql", json={"query": "{ __typename }"}, headers={"authorization": "Bearer x"})
    found = [count for address, count in await counted(caller) if address == STRANGER]
    assert sum(found) == 6
    answer = await secured.get(
        "/api/identity/audit", params={"address": STRANGER}, headers={"authorization": authorize(Role.ADMIN)}
    )
    entries = answer.json()["entries"]
    assert len(entries) == len(found)
    assert {(each["action"], each["outcome"], each["code"], each["actor"]) for each in entries} == {
        ("SIGN_IN", "REFUSED", "UNAUTHENTICATED", None)
    }


async def test_processes_count_together(caller: Caller) -> None:
    """Several processes add to the same entry, whose ID sorts by its time."""
    both = [Failures(caller.db), Failures(caller.db)]
    for each in both:
        each.count("192.0.2.1")
        each.count("2001:db8::1")
    await asyncio.gather(*(each.flush() for each in both))
    found = dict(await counted(caller))
    assert sum(found.values()) == 4
    assert found.keys() == {"192.0.2.1", "2001:db8::1"}


async def test_many_addresses_take_bounded_memory(caller: Caller) -> None:
    """Beyond a thousand addresses between two flushes, the rest are counted together."""
    failures = Failures(caller.db)
    for number in range(1_200):
        failures.count(f"2001:db8::{number:x}")
    await failures.flush()
    found = await counted(caller)
    assert sum(count for _, count in found) == 1_200
    assert len(found) <= 1_002
    assert max(found, key=lambda each: each[1])[0] == "others"


async def test_an_attack_leaves_few_entries(caller: Caller) -> None:
    """A thousand addresses a minute are counted separately, however often the numbers are stored meanwhile."""
    failures = Failures(caller.db, lambda: datetime(2026, 11, 1, 12, 0, 30, tzinfo=UTC))
    for part in range(3):
        for number in range(1_000):
            failures.count(f"2001:db8:{part}::{number:x}")
        await failures.flush()
    found = await counted(caller)
    assert sum(count for _, count in found) == 3_000
    assert len(found) == 1_001


async def test_an_outage_takes_bounded_memory(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database is away, no more addresses are kept than at other times, and no request is forgotten."""

    async def unreachable(*_: object) -> None:
        raise Unavailable[0]("connection refused")

    monkeypatch.setattr("storage.audit.entries.add_failures", unreachable)
    minute = 0
    failures = Failures(caller.db, lambda: datetime(2026, 11, 1, 12, minute, tzinfo=UTC))
    for minute in range(60):
        for number in range(100):
            failures.count(f"2001:db8:{minute:x}::{number:x}")
        with pytest.raises(Unavailable):
            await failures.flush()
    monkeypatch.undo()
    await failures.flush()
    found = await counted(caller)
    assert sum(count for _, count in found) == 6_000
    assert len(found) <= 1_000 + 60


async def test_no_error_ends_the_counting(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers that could not be stored, for whatever reason, are stored later."""
    store = entries.add_failures
    errors = iter([OperationFailure("the disk is full"), Unavailable[0]("connection refused")])

    async def failing(*arguments: Any) -> None:
        if error := next(errors, None):
            raise error
        await store(*arguments)

    monkeypatch.setattr("storage.audit.entries.add_failures", failing)
    monkeypatch.setattr(audit_log, "_FLUSH_SECONDS", 0.01)
    async with Failures(caller.db).flushing() as failures:
        failures.count(STRANGER)
        assert await waiting.until(lambda: counted(caller)) == [(STRANGER, 1)]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/", "/.well-known/oauth-protected-resource"])
async def test_public_paths(secured: httpx.AsyncClient, path: str) -> None:
    """Health and sign-in metadata require no token. A token that is sent is checked all the same."""
    assert (await secured.get(path)).status_code in (200, 307)
    assert (await secured.get(path, headers={"authorization": "Bearer x"})).status_code == 401


async def test_graphiql_is_public(secured: httpx.AsyncClient) -> None:
    """A browser gets the page, which contains no data, and its files."""
    page = await secured.get("/graphql", headers={"accept": "text/html"})
    assert page.status_code in (200, 404)  # 404 if it is not built
    assert page.headers["x-frame-options"] == "DENY"
    assert (await secured.get("/graphiql/nothing.js")).status_code == 404
    with_query = await secured.get("/graphql?query={__typename}", headers={"accept": "text/html"})
    assert with_query.status_code == 401


@pytest.mark.parametrize("path", ["/nowhere", "/graphql/", "/api/identity/contacts/", "/graphiqlx"])
async def test_everything_else_requires_a_token(secured: httpx.AsyncClient, path: str) -> None:
    """Unknown paths say nothing to those who have not signed in."""
    assert (await secured.get(path)).status_code == 401


async def test_several_headers(secured: httpx.AsyncClient, authorize: Authorize) -> None:
    """Two Authorization headers are refused, even if both are valid: programs could disagree which counts."""
    headers = [("authorization", authorize(Role.READER)), ("authorization", authorize(Role.ADMIN))]
    answer = await secured.get("/api/identity/viewer", headers=headers)
    assert answer.status_code == 401
    assert "several Authorization headers" in answer.json()["detail"]


async def test_viewer(secured: httpx.AsyncClient, authorize: Authorize) -> None:
    """REST and GraphQL say who you are and what you may do."""
    headers = {"authorization": authorize(Role.EDITOR)}
    answer = await secured.get("/api/identity/viewer", headers=headers)
    assert answer.json() == {"id": "id-of-editor", "name": "editor", "kind": "USER", "role": "EDITOR"}
    query = "{ viewer { id name kind role canEdit canAdminister } }"
    data = (await secured.post("/graphql", json={"query": query}, headers=headers)).json()["data"]
    assert data["viewer"] == {**answer.json(), "canEdit": True, "canAdminister": False}


async def test_history_names_the_person(secured: httpx.AsyncClient, caller: Caller, authorize: Authorize) -> None:
    """The history of a contact has the name and the ID of who changed it."""
    headers = {"authorization": authorize(Role.EDITOR)}
    sent = {"displayName": "Ana Li", "firstName": "Ana", "lastName": "Li", "emailAddress": "ana@acme.example"}
    made = (await secured.post("/api/identity/contacts", json=sent, headers=headers)).json()
    record = await caller.db.history.find_one({"contactId": made["id"]})
    assert record is not None
    assert (record["by"], record["byId"]) == ("editor", "id-of-editor")


async def test_metadata(secured: httpx.AsyncClient, secured_url: str) -> None:
    """The metadata names the provider and the roles (RFC 9728)."""
    answer = await secured.get("/.well-known/oauth-protected-resource")
    found = answer.json()
    assert found["resource"] == secured_url
    assert len(found["authorization_servers"]) == 1
    assert found["scopes_supported"] == ["Contacts.Read", "Contacts.ReadWrite", "Contacts.Admin"]
