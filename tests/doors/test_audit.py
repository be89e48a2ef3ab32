"""The audit log, as administrators read it."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from resolvers import audit_log, contacts
from resolvers.caller import Caller, Role
from settings import Settings
from storage.audit import entries
from storage.audit.entries import AuditSelection
from storage.changes import Author
from storage.driver import Database
from storage.lists.pages import Window
from tests.support.doors import Authorize
from tests.support.graphql_transport_ws import connected
from tests.support.importing import HEADER
from tests.support.rest import ANA
from tests.support.service import Machines, machines, served

AUDIT = "/api/identity/audit"
CONTACTS = "/api/identity/contacts"
QUERY = """query ($filter: AuditFilter, $first: Int, $after: String) {
  auditLog(filter: $filter, first: $first, after: $after) {
    nodes { id at action outcome code channel address requestId targetIds details count actor { id name } }
    pageInfo { hasNextPage endCursor } totalCount
  }
}"""


@pytest.fixture
async def made(secured: httpx.AsyncClient, authorize: Authorize) -> dict[str, Any]:
    """A contact that the editor has created and changed, and that the reader was refused to delete."""
    editor, reader = ({"authorization": authorize(role)} for role in (Role.EDITOR, Role.READER))
    made: dict[str, Any] = (await secured.post(CONTACTS, json=ANA, headers=editor)).json()
    await secured.put(f"{CONTACTS}/{made['id']}", json={"company": "Acme"}, headers=editor)
    await secured.delete(f"{CONTACTS}/{made['id']}", headers=reader)
    return made


@pytest.fixture
def admin(authorize: Authorize) -> dict[str, str]:
    """The headers of an administrator."""
    return {"authorization": authorize(Role.ADMIN)}


async def test_both_apis_show_the_same(secured: httpx.AsyncClient, made: dict[str, Any], admin: dict[str, str]) -> None:
    """REST, GraphQL and the export have the same entries, with the same fields."""
    over_rest = (await secured.get(AUDIT, headers=admin)).json()["entries"]
    answer = await secured.post("/graphql", json={"query": QUERY}, headers=admin)
    over_graphql = answer.json()["data"]["auditLog"]
    assert over_graphql["nodes"] == over_rest
    assert over_graphql["totalCount"] == 3
    assert [(each["action"], each["outcome"], each["actor"]) for each in over_rest] == [
        ("DELETE_CONTACT", "REFUSED", {"id": "id-of-reader", "name": "reader"}),
        ("UPDATE_CONTACT", "DONE", {"id": "id-of-editor", "name": "editor"}),
        ("CREATE_CONTACT", "DONE", {"id": "id-of-editor", "name": "editor"}),
    ]
    assert over_rest[1]["targetIds"] == [made["id"]]
    exported = await secured.get(f"{AUDIT}/export", headers=admin)
    assert exported.headers["content-type"] == "application/jsonl"
    lines = [json.loads(line) for line in exported.text.splitlines()]
    assert lines[:3] == over_rest[::-1]
    assert lines[3]["action"] == "EXPORT_AUDIT_LOG"


@pytest.mark.parametrize(
    ("asked", "actions"),
    [
        ({"actorId": "id-of-editor"}, ["UPDATE_CONTACT", "CREATE_CONTACT"]),
        ({"action": "UPDATE_CONTACT"}, ["UPDATE_CONTACT"]),
        ({"outcome": "REFUSED"}, ["DELETE_CONTACT"]),
        ({"channel": "REST"}, ["DELETE_CONTACT", "UPDATE_CONTACT", "CREATE_CONTACT"]),
        ({"channel": "GRAPHQL"}, []),
        ({"address": "127.0.0.1", "actorId": "id-of-reader"}, ["DELETE_CONTACT"]),
        ({"address": "192.0.2.1"}, []),
        ({"since": "2999-01-01T00:00:00Z"}, []),
        ({"until": "2020-01-01T00:00:00Z"}, []),
        ({"since": "2020-01-01T00:00:00Z", "until": "2999-01-01T00:00:00Z", "outcome": "REFUSED"}, ["DELETE_CONTACT"]),
    ],
)
async def test_filters(
    secured: httpx.AsyncClient, made: dict[str, Any], admin: dict[str, str], asked: dict[str, str], actions: list[str]
) -> None:
    """Both APIs filter alike."""
    over_rest = (await secured.get(AUDIT, params=asked, headers=admin)).json()["entries"]
    assert [each["action"] for each in over_rest] == actions
    body = {"query": QUERY, "variables": {"filter": asked}}
    over_graphql = (await secured.post("/graphql", json=body, headers=admin)).json()["data"]["auditLog"]
    assert [each["action"] for each in over_graphql["nodes"]] == actions
    assert over_graphql["totalCount"] == len(actions)


async def test_targets(secured: httpx.AsyncClient, made: dict[str, Any], admin: dict[str, str]) -> None:
    """What was done to a contact is found by its ID."""
    answer = await secured.get(AUDIT, params={"targetId": made["id"]}, headers=admin)
    assert [each["action"] for each in answer.json()["entries"]] == ["UPDATE_CONTACT", "CREATE_CONTACT"]


async def test_pages(secured: httpx.AsyncClient, made: dict[str, Any], admin: dict[str, str]) -> None:
    """Pages follow each other without gaps, in both APIs."""
    seen, cursor = [], None
    while True:
        asked = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = (await secured.get(AUDIT, params=asked, headers=admin)).json()
        seen += [each["action"] for each in page["entries"]]
        if (cursor := page["nextCursor"]) is None:
            break
    assert seen == ["DELETE_CONTACT", "UPDATE_CONTACT", "CREATE_CONTACT"]
    body = {"query": QUERY, "variables": {"first": 2}}
    first = (await secured.post("/graphql", json=body, headers=admin)).json()["data"]["auditLog"]
    assert first["pageInfo"]["hasNextPage"]
    body["variables"] = {"first": 2, "after": first["pageInfo"]["endCursor"]}
    second = (await secured.post("/graphql", json=body, headers=admin)).json()["data"]["auditLog"]
    assert [each["action"] for each in second["nodes"]] == ["CREATE_CONTACT"]


async def test_wrong_parameters(secured: httpx.AsyncClient, admin: dict[str, str]) -> None:
    """Unknown filters and values are refused: an empty list would look as if nothing had happened."""
    for asked in ({"who": "ada"}, {"action": "DELETE"}, {"since": "yesterday"}, {"limit": "0"}, {"cursor": "x"}):
        answer = await secured.get(AUDIT, params=asked, headers=admin)
        assert answer.status_code == 400
    assert (await secured.get(f"{AUDIT}/export", params={"limit": "1"}, headers=admin)).status_code == 400


async def test_imports_and_exports(secured: httpx.AsyncClient, admin: dict[str, str]) -> None:
    """An import has one entry with its options, whatever the number of rows; an export has its filters."""
    rows = [f"Ana {number},ana{number}@a.example,Ana,Li,,," for number in range(20)]
    sent = "\n".join([HEADER, *rows]).encode()
    headers = admin | {"content-type": "text/csv"}
    await secured.post(f"{CONTACTS}/bulk?fileName=a.csv", content=sent, headers=headers)
    asked = {"source": "cloud", "search": "ana", "updatedSince": "2020-01-01T00:00:00Z", "columns": "EmailAddress"}
    await secured.get(f"{CONTACTS}/export", params=asked, headers=admin)
    exported, imported = (await secured.get(AUDIT, headers=admin)).json()["entries"]
    assert (imported["action"], imported["details"]["fileName"], imported["details"]["rows"]) == (
        "IMPORT_CONTACTS",
        "a.csv",
        20,
    )
    assert exported["details"] == {
        "filters": {"source": "CLOUD", "search": "ana", "updatedSince": "2020-01-01T00:00:00.000Z"},
        "columns": ["EmailAddress"],
    }


async def test_exports_of_the_log(secured: httpx.AsyncClient, admin: dict[str, str], db: Database) -> None:
    """An export of the log is recorded with its filters."""
    asked = {"actorId": "id-of-editor", "outcome": "DONE", "since": "2020-01-01T00:00:00Z"}
    await secured.get(f"{AUDIT}/export", params=asked, headers=admin)
    entry = await db.audit.find_one({"action": "EXPORT_AUDIT_LOG"})
    assert entry is not None
    assert entry["details"] == {"filters": asked | {"since": "2020-01-01T00:00:00.000Z"}}


async def test_nothing_is_recorded_if_nothing_changes(
    secured: httpx.AsyncClient, made: dict[str, Any], admin: dict[str, str]
) -> None:
    """A change that fails, or changes nothing, leaves no entry."""
    for sent in ({"company": "Acme"}, {"company": "A" * 1_000}, {"emailAddress": "no address"}):
        await secured.put(f"{CONTACTS}/{made['id']}", json=sent, headers=admin)
    assert len((await secured.get(AUDIT, headers=admin)).json()["entries"]) == 3


async def test_names_are_current_and_can_be_erased(
    secured: httpx.AsyncClient, made: dict[str, Any], admin: dict[str, str], db: Database
) -> None:
    """Entries have the ID of a person alone. Without a stored name, it is null."""
    assert "editor" not in {str(value) for entry in await db.audit.find().to_list(None) for value in entry.values()}
    await db.people.delete_one({"_id": "id-of-editor"})
    found = (await secured.get(AUDIT, params={"actorId": "id-of-editor"}, headers=admin)).json()["entries"]
    assert {each["actor"]["name"] for each in found} == {None}


@pytest.fixture
async def with_reads(settings: Settings, db: Database) -> AsyncIterator[Machines]:
    """A service that records reads."""
    async with machines(settings.model_copy(update={"audit_reads": "on"})) as found:
        yield found


async def test_reads(with_reads: Machines, caller: Caller) -> None:
    """With the setting, each allowed read leaves an entry, too, and a change still leaves one."""
    client = with_reads.client("127.0.0.1")
    await client.get(CONTACTS, params={"search": "ana"})
    text = "query Figures { ...All viewer { name } } fragment All on Query { contactStats { total } }"
    await client.post("/graphql", json={"query": text, "operationName": "Figures"})
    await client.post(CONTACTS, json=ANA)
    found = await caller.db.audit.find(sort=[("_id", 1)]).to_list(None)
    assert [(each["action"], each["channel"]) for each in found] == [
        ("READ", "REST"),
        ("READ", "GRAPHQL"),
        ("CREATE_CONTACT", "REST"),
    ]
    assert found[0]["details"] == {"path": CONTACTS, "parameters": ["search"]}
    assert found[1]["details"] == {"operation": "Figures", "fields": ["contactStats", "viewer"]}


async def test_a_subscription_is_one_read(settings: Settings, db: Database) -> None:
    """A subscription leaves one entry, however many events it sends."""
    async with served(settings.model_copy(update={"audit_reads": "on"})) as (_, url), connected(url) as client:
        await client.subscribe("1", "subscription { contactStatsChanged { total } }")
        caller = Caller(db, Author("tester", "graphql"), Role.ADMIN)
        for number in range(2):
            assert await client.data("1") == {"contactStatsChanged": {"total": number}}
            await contacts.create_contact(caller, {**ANA, "emailAddress": f"ana-{number}@acme.example"})
        assert await client.data("1") == {"contactStatsChanged": {"total": 2}}
    found = await db.audit.find({"action": "READ"}).to_list(None)
    assert [each["details"]["fields"] for each in found] == [["contactStatsChanged"]]


async def test_following_is_one_read(settings: Settings, db: Database) -> None:
    """A subscription leaves one entry, however many events it sends: they would fill the log."""
    statistics = "subscription { contactStatsChanged { total } }"
    async with (
        served(settings.model_copy(update={"audit_reads": "on"})) as (_, url),
        connected(url) as client,
        httpx.AsyncClient(base_url=url) as http,
    ):
        await client.subscribe("1", statistics)
        for total in range(3):
            while (await client.data("1"))["contactStatsChanged"]["total"] != total:
                pass
            await http.post(CONTACTS, json={**ANA, "emailAddress": f"ana-{total}@acme.example"})
    assert await db.audit.count_documents({"action": "READ"}) == 1


async def test_retention(db: Database) -> None:
    """The retention is that of the setting, also after it has changed."""
    for days in (365, 30, 30, 90):
        await entries.keep(db, timedelta(days=days))
        index = (await db.audit.index_information())["expiry"]
        assert index["expireAfterSeconds"] == days * 86_400
    await entries.keep(db, timedelta(days=365))


async def test_entries_sort_by_time(caller: Caller) -> None:
    """Failed sign-ins of a minute sort among the other entries by their time."""
    failures = audit_log.Failures(caller.db)
    failures.count("192.0.2.1")
    await failures.flush()
    service = Author("contacts service", "cli")
    await audit_log.record_start(caller.db, service, {})
    page = await entries.page(caller.db, AuditSelection(since=datetime.now(UTC) - timedelta(minutes=2)), Window(10))
    assert [each["action"] for each in page.documents] == ["START_SERVICE", "SIGN_IN"]
