"""The sync of a running service, controlled through GraphQL and REST."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app import create_app
from resolvers.caller import Caller
from storage.sync import schedule
from tests.support import waiting
from tests.support.ad.provision import CONTACTS_DN
from tests.support.graphql import GraphQL
from tests.support.syncing import Syncing

if TYPE_CHECKING:
    from tests.support.ad.administrator import Administrator
    from tests.support.ad.controller import Controller

pytestmark = pytest.mark.ad

ANN = f"CN=Ann,{CONTACTS_DN}"
STATE = """{ directorySync {
  enabled server nextRunAt running { phase processed run { id } }
  lastRun { status dryRun created updated deleted unchanged skipped seconds ldapSeconds problem { code message }
            skips { totalCount nodes { distinguishedName code message } }
            differences { nodes { action distinguishedName changes { field before after } } } }
  runs(first: 1) { totalCount pageInfo { hasNextPage endCursor } nodes { id status requestedBy } }
} }"""
START = """mutation ($dry: Boolean!, $allow: Boolean!) { startDirectorySync(dryRun: $dry, allowDeletions: $allow) {
  __typename
  ... on StartDirectorySyncSuccess { run { id status dryRun allowDeletions } }
  ... on Problem { code message } } }"""
CONTACT = """query ($address: String!) { contact(emailAddress: $address) {
  id editable source onPremises { objectGuid distinguishedName domain lastSyncAt nextSyncAt whenChanged } } }"""


class Service:
    """A running service that syncs, and its GraphQL and REST clients."""

    def __init__(self, caller: Caller, client: httpx.AsyncClient) -> None:
        self.caller, self.rest, self.graphql = caller, client, GraphQL(client)

    async def state(self) -> Any:  # GraphQL data
        """The state of the sync."""
        return (await self.graphql(STATE))["directorySync"]

    async def settled(self) -> Any:  # GraphQL data
        """The state of the sync once no run is active or queued."""

        async def state() -> Any:
            kept = await schedule.read(self.caller.db)
            return await self.state() if not kept.get("held") and "request" not in kept else {}

        return await waiting.until(state, lambda state: state.get("lastRun"))

    async def start(self, *, dry: bool = False, allow: bool = False) -> Any:  # GraphQL data
        """The result of startDirectorySync."""
        return (await self.graphql(START, dry=dry, allow=allow))["startDirectorySync"]


@pytest.fixture
async def service(
    controller: "Controller", admin: "Administrator", syncing: Syncing, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Service]:
    """A service that has synced Ann and skipped an object."""
    monkeypatch.setattr("connector.scheduler.POLL_SECONDS", 0.05)
    admin.add_contact("Ann")
    admin.add_contact("Bo", mail="no address")
    uri, name = syncing.uri, syncing.db.mongo.name
    settings = syncing.settings.model_copy(update={"mongodb_uri": uri, "database": name, "ad_max_deletions": 0})
    app = create_app(settings)
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Any, receive: Any, send: Any) -> None:  # as uvicorn does with lifespan state
            await app({**scope, "state": dict(state or {})}, receive, send)

        transport = httpx.ASGITransport(with_state)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            made = Service(syncing.caller, client)
            await made.settled()
            yield made


async def test_state(service: Service) -> None:
    """The state shows the server, the next run, and the result of the last one with its skipped objects."""
    state = await service.state()
    assert (state["enabled"], state["running"]) == (True, None)
    assert state["server"].startswith("127.")
    last = state["lastRun"]
    assert (last["status"], last["created"], last["skipped"], last["problem"]) == ("SUCCEEDED", 1, 1, None)
    assert last["seconds"] >= last["ldapSeconds"] > 0
    assert last["skips"]["totalCount"] == 1
    assert last["skips"]["nodes"][0]["code"] == "INVALID"
    assert "no address" in last["skips"]["nodes"][0]["message"]


async def test_contact_tells_when_it_syncs(service: Service) -> None:
    """A synced contact shows where it is managed, when it last synced, and when it will next."""
    contact = (await service.graphql(CONTACT, address="ann@example.test"))["contact"]
    state = await service.state()
    assert (contact["editable"], contact["source"]) == (False, "SYNCED")
    assert contact["onPremises"]["distinguishedName"] == ANN
    assert contact["onPremises"]["nextSyncAt"] == state["nextRunAt"] is not None
    shown = (await service.rest.get(f"/api/identity/contacts/{contact['id']}")).json()
    assert "nextSyncAt" in str(shown)


async def test_refusal_names_server_and_next_run(service: Service) -> None:
    """Changing a synced contact fails with a message that says where to edit it and when the change will be synced."""
    contact = (await service.graphql(CONTACT, address="ann@example.test"))["contact"]
    answer = await service.rest.delete(f"/api/identity/contacts/{contact['id']}")
    due = contact["onPremises"]["nextSyncAt"][:16].replace("T", " ")
    assert answer.status_code == 409
    assert answer.json()["code"] == "CONTACT_READ_ONLY"
    assert all(part in answer.json()["detail"] for part in (ANN, "dc1.corp.example.test", due))


async def test_started_by_hand(service: Service, admin: "Administrator") -> None:
    """A requested sync starts, only one runs at a time, and its runs are listed."""
    admin.set(ANN, title="Buyer")
    started = await service.start()
    assert started["run"]["status"] == "QUEUED"
    assert (await service.start())["code"] == "SYNC_ALREADY_RUNNING"
    state = await service.settled()
    assert (state["lastRun"]["updated"], state["runs"]["totalCount"]) == (1, 2)
    assert state["runs"]["nodes"] == [{"id": started["run"]["id"], "status": "SUCCEEDED", "requestedBy": "local user"}]
    assert state["runs"]["pageInfo"]["hasNextPage"] is True


async def test_dry_run(service: Service, admin: "Administrator") -> None:
    """A dry run lists the changes by field."""
    admin.set(ANN, title="Buyer")
    await service.start(dry=True)
    last = (await service.settled())["lastRun"]
    assert last["dryRun"] is True
    assert last["differences"]["nodes"] == [
        {
            "action": "UPDATED",
            "distinguishedName": ANN,
            "changes": [{"field": "jobTitle", "before": None, "after": "Buyer"}],
        }
    ]


async def test_deletions_wait_for_a_decision(service: Service, admin: "Administrator") -> None:
    """A run that would delete too much stops with a message, and succeeds when an administrator allows it."""
    admin.delete(ANN)
    await service.start()
    last = (await service.settled())["lastRun"]
    assert (last["status"], last["problem"]["code"], last["deleted"]) == ("STOPPED", "TOO_MANY_DELETIONS", 0)
    await service.start(allow=True)
    last = (await service.settled())["lastRun"]
    assert (last["status"], last["deleted"]) == ("SUCCEEDED", 1)


async def test_hand_over(service: Service, admin: "Administrator") -> None:
    """A contact made cloud-only can be edited. Unknown IDs and cloud contacts each result in a problem."""
    contact = (await service.graphql(CONTACT, address="ann@example.test"))["contact"]
    make = """mutation ($ids: [ID!]!) { makeCloudOnly(ids: $ids) { ... on MakeCloudOnlySuccess {
      contacts { id source editable onPremises { domain } history { nodes { action by } } }
      refusals { id problem { code message } } } } }"""
    made = (await service.graphql(make, ids=[contact["id"], "nobody"]))["makeCloudOnly"]
    (taken,) = made["contacts"]
    assert (taken["source"], taken["editable"], taken["onPremises"]) == ("CLOUD", True, None)
    assert taken["history"]["nodes"][0] == {"action": "HANDED_OVER", "by": "local user"}
    assert [each["problem"]["code"] for each in made["refusals"]] == ["NOT_FOUND"]
    again = (await service.graphql(make, ids=[contact["id"]]))["makeCloudOnly"]
    assert [each["problem"]["code"] for each in again["refusals"]] == ["INVALID"]
    admin.set(ANN, title="Buyer")
    await service.start()
    assert (await service.settled())["lastRun"]["updated"] == 0


async def test_group_shows_its_source(service: Service, admin: "Administrator") -> None:
    """A synced group shows that it is synced, and changing it returns a problem."""
    admin.add_group("Team", [ANN])
    await service.start()
    await service.settled()
    (group,) = (
        await service.graphql(
            "{ groups { nodes { id source memberCount onPremises { distinguishedName nextSyncAt } } } }"
        )
    )["groups"]["nodes"]
    assert (group["source"], group["memberCount"]) == ("SYNCED", 1)
    assert group["onPremises"]["nextSyncAt"]
    remove = "mutation ($id: ID!) { deleteGroup(id: $id) { __typename ... on GroupReadOnly { code group { id } } } }"
    refused = (await service.graphql(remove, id=group["id"]))["deleteGroup"]
    assert refused == {"__typename": "GroupReadOnly", "code": "GROUP_READ_ONLY", "group": {"id": group["id"]}}


async def test_progress(service: Service, syncing: Syncing) -> None:
    """A subscriber gets the last run immediately, then updates of the next one until it is finished."""
    from resolvers.events import Feed
    from resolvers.sync import control

    feed = Feed(syncing.db)
    updates: list[tuple[str, str]] = []
    async with asyncio.timeout(waiting.SECONDS):
        async for run in control.progress(feed, syncing.caller):
            if not updates:
                await service.start()
            updates.append((run["_id"], run["status"]))
            if len({identifier for identifier, _ in updates}) == 2 and updates[-1][1] == "SUCCEEDED":
                break
    await feed.close()
    assert updates[0][1] == "SUCCEEDED"
