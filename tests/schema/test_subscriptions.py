"""Subscriptions, as a client sees them over a WebSocket of the running service."""

import httpx
import pytest
from structlog.testing import capture_logs

from resolvers import contacts, groups
from resolvers.caller import Caller, Role
from storage import statistics
from storage.changes import Author
from storage.driver import Database
from tests.support import waiting
from tests.support.graphql_transport_ws import Client, connected
from tests.support.people import person

CHANGES = """subscription ($filter: ContactFilter) {
  contactChanged(filter: $filter) {
    action contactId
    contact { displayName version manager { displayName } }
    change { by through version changes { field before after } }
  }
}"""
STATS = "subscription { contactStatsChanged { total synced cloudOnly hiddenFromGal } }"


async def changed(client: Client, identifier: str = "changes") -> tuple[str, str]:
    """The next change: what happened, and the contact's name, or its ID if it was deleted."""
    event = (await client.data(identifier))["contactChanged"]
    return event["action"], (event["contact"] or {"displayName": event["contactId"]})["displayName"]


async def test_every_change_is_told(service_url: str, caller: Caller) -> None:
    """Creating, updating, deleting and restoring each send an event with the contact as it is then."""
    async with connected(service_url) as client:
        await client.listen("changes", CHANGES)
        ada = await contacts.create_contact(caller, person("Ada"))
        assert await changed(client) == ("CREATED", "Ada")
        await contacts.update_contact(caller, ada["_id"], {"displayName": "Ada L"})
        event = (await client.data("changes"))["contactChanged"]
        assert event == {
            "action": "UPDATED",
            "contactId": ada["_id"],
            "contact": {"displayName": "Ada L", "version": 2, "manager": None},
            "change": {
                "by": "tester",
                "through": "graphql",
                "version": 2,
                "changes": [{"field": "displayName", "before": "Ada", "after": "Ada L"}],
            },
        }
        await contacts.delete_contact(caller, ada["_id"])
        assert await changed(client) == ("DELETED", ada["_id"])
        await contacts.restore_contact(caller, ada["_id"])
        assert await changed(client) == ("RESTORED", "Ada L")


async def test_changes_by_whatever_way_are_told(service_url: str, db: Database) -> None:
    """Changes through GraphQL and REST are sent alike, with their channel."""
    async with (
        connected(service_url) as client,
        httpx.AsyncClient(base_url=service_url, timeout=waiting.SECONDS) as http,
    ):
        await client.listen("changes", CHANGES)
        create = "mutation ($input: CreateContactInput!) { createContact(input: $input) { __typename } }"
        await http.post("/graphql", json={"query": create, "variables": {"input": person("Ada")}})
        assert (await client.data("changes"))["contactChanged"]["change"]["through"] == "graphql"
        (await http.post("/api/identity/contacts", json=person("Bob"))).raise_for_status()
        assert (await client.data("changes"))["contactChanged"]["change"]["through"] == "rest"


async def test_events_are_read_anew(service_url: str, caller: Caller) -> None:
    """The objects that an event's contact refers to are current, not cached from an earlier event."""
    boss = await contacts.create_contact(caller, person("Boss"))
    ada = await contacts.create_contact(caller, person("Ada", managerId=boss["_id"]))
    async with connected(service_url) as client:
        await client.listen("changes", CHANGES, {"filter": {"ids": [ada["_id"]]}})
        for name in ("First", "Second"):
            await contacts.update_contact(caller, boss["_id"], {"displayName": name})
            await contacts.update_contact(caller, ada["_id"], {"notes": name})
            event = (await client.data("changes"))["contactChanged"]
            assert event["contact"]["manager"] == {"displayName": name}


async def test_filter(service_url: str, caller: Caller) -> None:
    """Only contacts that match the filter after the change, or did before their deletion, are sent."""
    async with connected(service_url) as client:
        await client.listen("changes", CHANGES, {"filter": {"company": "acme", "gal": "VISIBLE"}})
        ada = await contacts.create_contact(caller, person("Ada", company="Other"))
        bob = await contacts.create_contact(caller, person("Bob", company="ACME", showInGal=False))
        await contacts.update_contact(caller, ada["_id"], {"company": "Acme"})
        await contacts.update_contact(caller, bob["_id"], {"notes": "still hidden"})
        await contacts.delete_contact(caller, bob["_id"])
        await contacts.delete_contact(caller, ada["_id"])
        assert await changed(client) == ("UPDATED", "Ada")
        assert await changed(client) == ("DELETED", ada["_id"])


async def test_filter_by_group(service_url: str, caller: Caller) -> None:
    """Members of a group can be followed, by the groups they are in after the change."""
    group = await groups.create_group(caller, {"displayName": "Partners", "emailAddress": "partners@our.example"})
    ada = await contacts.create_contact(caller, person("Ada"))
    bob = await contacts.create_contact(caller, person("Bob"))
    await groups.add_contacts(caller, group["_id"], [ada["_id"]])
    async with connected(service_url) as client:
        await client.listen("changes", CHANGES, {"filter": {"groupId": group["_id"]}})
        await contacts.update_contact(caller, bob["_id"], {"notes": "outside"})
        await contacts.update_contact(caller, ada["_id"], {"notes": "inside"})
        assert await changed(client) == ("UPDATED", "Ada")


async def test_stats(service_url: str, caller: Caller, sync_caller: Caller) -> None:
    """The statistics are sent immediately and when they change, but not after other changes."""
    await contacts.create_contact(caller, person("Ada"))
    async with connected(service_url) as client:
        await client.subscribe("stats", STATS)
        first = {"total": 1, "synced": 0, "cloudOnly": 1, "hiddenFromGal": 0}
        assert await client.data("stats") == {"contactStatsChanged": first}
        bob = await contacts.create_contact(caller, person("Bob", showInGal=False))
        then = {"total": 2, "synced": 0, "cloudOnly": 2, "hiddenFromGal": 1}
        assert await client.data("stats") == {"contactStatsChanged": then}
        await contacts.update_contact(caller, bob["_id"], {"notes": "no figure changes"})
        await contacts.delete_contact(caller, bob["_id"])
        assert await client.data("stats") == {"contactStatsChanged": first}


async def test_many_changes_are_few_stats(service_url: str, caller: Caller) -> None:
    """Changes in quick succession are sent together."""
    async with connected(service_url) as client:
        await client.subscribe("stats", STATS)
        answers = [(await client.data("stats"))["contactStatsChanged"]["total"]]
        for number in range(20):
            await contacts.create_contact(caller, person(f"Person{number}"))
        while answers[-1] < 20:
            answers.append((await client.data("stats"))["contactStatsChanged"]["total"])
        assert len(answers) < 10


async def test_two_subscribers(service_url: str, caller: Caller) -> None:
    """All subscribers get everything they subscribed to, and one who leaves doesn't disturb the others."""
    async with connected(service_url) as one, connected(service_url) as two:
        await one.listen("changes", CHANGES)
        await two.listen("changes", CHANGES, {"filter": {"company": "Acme"}})
        await two.listen("all", CHANGES)
        await contacts.create_contact(caller, person("Ada"))
        assert await changed(one) == await changed(two, "all") == ("CREATED", "Ada")
        await two.complete("all")
        await contacts.create_contact(caller, person("Bob", company="Acme"))
        assert await changed(one) == await changed(two) == ("CREATED", "Bob")
    async with connected(service_url) as three:
        await three.listen("changes", CHANGES)
        await contacts.create_contact(caller, person("Cleo"))
        assert await changed(three) == ("CREATED", "Cleo")


async def test_killed_change_stream_is_resumed(service_url: str, caller: Caller) -> None:
    """If the server ends the change stream, subscribers miss nothing and don't notice."""
    db = caller.db
    async with connected(service_url) as client:
        await client.listen("changes", CHANGES)
        await contacts.create_contact(caller, person("Ada"))
        assert await changed(client) == ("CREATED", "Ada")
        killed = await kill_change_streams(db)
        await contacts.create_contact(caller, person("Bob"))
        assert killed
        assert await changed(client) == ("CREATED", "Bob")


async def kill_change_streams(db: Database) -> list[int]:
    """Kill the cursors of all change streams on this database, and return their IDs."""
    command = {"aggregate": 1, "pipeline": [{"$currentOp": {"idleCursors": True}}], "cursor": {"batchSize": 1_000}}
    operations = (await db.mongo.client["admin"].command(command))["cursor"]["firstBatch"]
    cursors = [
        each["cursor"]["cursorId"]
        for each in operations
        if "$changeStream" in str(each.get("cursor")) and each["cursor"]["originatingCommand"]["$db"] == db.mongo.name
    ]
    await db.mongo.command({"killCursors": "$cmd.aggregate", "cursors": cursors})
    return cursors


async def test_queries_and_mutations(service_url: str, db: Database) -> None:
    """A query or mutation over the socket has one result and is complete."""
    async with connected(service_url) as client:
        create = "mutation ($input: CreateContactInput!) { createContact(input: $input) { __typename } }"
        await client.subscribe("m", create, {"input": person("Ada")})
        assert await client.data("m") == {"createContact": {"__typename": "CreateContactSuccess"}}
        assert (await client.message("m"))["type"] == "complete"
        await client.subscribe("q", "{ contacts { nodes { displayName } } }")
        assert await client.data("q") == {"contacts": {"nodes": [{"displayName": "Ada"}]}}
        assert (await client.message("q"))["type"] == "complete"


DEEP = "{ contacts { nodes { " + "manager { " * 15 + "id" + " }" * (15 + 3)


@pytest.mark.parametrize(
    ("query", "variables", "why"),
    [
        ("subscription { contactChanged { nothing } }", None, "Cannot query field 'nothing'"),
        ("subscription {", None, "Syntax Error"),
        (CHANGES, {"filter": 1}, "Variable '$filter'"),
        ("{ " + "contactStats { total } " * 2_000 + "}", None, "tokens"),
        ("{ " + " ".join(f"a{n}: contactStats {{ total }}" for n in range(101)) + "}", None, "aliases"),
        (DEEP, None, "depth"),
        ("query A { __typename } query B { __typename }", None, "operation name"),
        (CHANGES + " fragment F on Contact { id }", None, "never used"),
        ("subscription { contactStatsChanged { total } contactChanged { action } }", None, "one"),
    ],
)
async def test_limits_and_mistakes(service_url: str, query: str, variables: dict[str, object] | None, why: str) -> None:
    """Documents have the same limits and rules as over HTTP; a mistake ends the operation with an error."""
    async with connected(service_url) as client:
        await client.subscribe("x", query, variables)
        message = await client.message("x")
        assert message["type"] == "error"
        assert why in message["payload"][0]["message"]


async def test_refusals_in_a_stream_say_what_to_do(service_url: str) -> None:
    """A refused subscription ends with an error that has the message and code of the refusal."""
    async with connected(service_url) as client:
        await client.subscribe("x", CHANGES, {"filter": {"ids": [str(number) for number in range(501)]}})
        (error,) = (await client.message("x"))["payload"]
        assert error["extensions"] == {"code": "INVALID"}
        assert "Send at most 500" in error["message"]


async def test_defects_are_masked(service_url: str, monkeypatch: pytest.MonkeyPatch, db: Database) -> None:
    """An unexpected error is logged, and the client gets nothing but the request ID."""

    async def fail(db: Database) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(statistics, "read", fail)
    async with connected(service_url) as client:
        for query in ("{ contactStats { total } }", STATS):
            with capture_logs() as logs:
                await client.subscribe("x", query)
                message = await client.message("x")
            errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
            assert "a secret" not in str(message)
            assert errors[0]["extensions"]["code"] == "INTERNAL"
            assert errors[0]["extensions"]["requestId"] in errors[0]["message"]
            assert [str(entry["exc_info"]) for entry in logs if entry["event"] == "field failed"] == ["a secret"]
            if message["type"] == "next":
                assert (await client.message("x"))["type"] == "complete"


async def test_author_is_who_asks_not_who_is_told(service_url: str, caller: Caller, db: Database) -> None:
    """An event contains the author of the change."""
    someone = Caller(db, Author("someone", "cli"), Role.ADMIN)
    async with connected(service_url) as client:
        await client.listen("changes", CHANGES)
        await contacts.create_contact(someone, person("Ada"))
        event = (await client.data("changes"))["contactChanged"]
        assert (event["change"]["by"], event["change"]["through"]) == ("someone", "cli")
