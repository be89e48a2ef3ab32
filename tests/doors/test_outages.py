"""While the provider or the database is away, nobody gets in or past the audit log, and the answers say only that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from resolvers import audit_log
from resolvers.caller import Role
from settings import Settings
from storage.driver import Database, Session, Unavailable
from tests.support import waiting
from tests.support.doors import Authorize
from tests.support.graphql_transport_ws import connect
from tests.support.service import machines, served
from tests.support.simulated_providers import Providers

AWAY = "http://127.0.0.1:9"
VIEWER = "/api/identity/viewer"
DELETION = 'mutation { deleteContact(id: "x") { __typename } }'


@pytest.fixture
def without_provider(secured_settings: Settings) -> Settings:
    """The settings of a service whose provider has never answered."""
    return secured_settings.model_copy(update={"oidc_issuer": AWAY})


@pytest.fixture
def token(trusted_providers: Providers) -> str:
    """A token that only the provider's keys could verify."""
    issuer = trusted_providers.plain
    return issuer.bearer(issuer.user(iss=AWAY))


async def test_provider_is_away(without_provider: Settings, db: Database, token: str) -> None:
    """Requests get 503. Where the service looks for its provider is for its log."""
    async with machines(without_provider) as running:
        client = running.client("127.0.0.1")
        rest = await client.get(VIEWER, headers={"authorization": token})
        graphql = await client.post("/graphql", json={"query": DELETION}, headers={"authorization": token})
    for answer in (rest, graphql):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "Nobody can sign in at the moment" in answer.text
        assert AWAY not in answer.text


async def test_provider_is_away_for_websockets(without_provider: Settings, db: Database, token: str) -> None:
    """WebSockets are closed with a code after which clients try again."""
    async with served(without_provider) as (_, url), connect(url) as client:
        await client.send({"type": "connection_init", "payload": {"Authorization": token}})
        code, reason = await client.closed()
    assert code == 1013
    assert reason.startswith("Nobody can sign in at the moment")


@pytest.mark.parametrize("role", [None, Role.READER])
@pytest.mark.parametrize("path", ["/graphql", "/api/identity/contacts"])
async def test_refusals_are_not_recorded(
    secured: httpx.AsyncClient, authorize: Authorize, monkeypatch: pytest.MonkeyPatch, role: Role | None, path: str
) -> None:
    """If the database cannot record a refusal, the answer is the same as during any other outage."""

    async def unreachable(*_: object, **__: object) -> None:
        raise Unavailable[0]("connection refused")

    monkeypatch.setattr("storage.audit.entries.insert", unreachable)
    answer = await secured.post(path, json={"query": DELETION}, headers={"authorization": authorize(role)})
    assert answer.status_code == 503
    assert "UNAVAILABLE" in answer.text


@pytest.mark.parametrize("end", ["complete", "close"])
async def test_leaving_avoids_no_entry(secured_url: str, db: Database, authorize: Authorize, end: str) -> None:
    """Who cancels a forbidden operation before it is recorded is in the audit log all the same."""
    async with connect(secured_url) as client:
        await client.initialize({"Authorization": authorize(Role.READER)})
        async with held(db, "id-of-reader"):
            await client.subscribe("1", DELETION)
            await waiting.until(lambda: is_waiting(db))
            await (client.complete("1") if end == "complete" else client.websocket.close())
            if end == "complete":
                await client.send({"type": "ping"})
                assert await client.receive() == {"type": "pong"}
        await waiting.until(lambda: db.audit.count_documents({"action": "DELETE_CONTACT", "outcome": "REFUSED"}))


@asynccontextmanager
async def held(db: Database, person: str) -> AsyncIterator[None]:
    """Let nobody record anything about this person within the block."""
    audit_log._known.clear()
    has_it = asyncio.Event()

    async def hold(session: Session) -> None:
        await db.people.update_one({"_id": person}, {"$set": {"name": "held"}}, upsert=True, session=session)
        has_it.set()
        await asyncio.Event().wait()

    holding = asyncio.create_task(db.transaction(hold))
    try:
        await has_it.wait()
        yield
    finally:
        holding.cancel()
        await asyncio.wait([holding])


async def is_waiting(db: Database) -> bool:
    """Whether an update of people waits for another one."""
    found = await db.mongo.client.admin.command("currentOp", ns=f"{db.mongo.name}.people")
    return any(each.get("writeConflicts") for each in found["inprog"])
