"""The REST list: filters, search, orderings, pages."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from resolvers import groups
from resolvers.caller import Caller
from resolvers.contacts import MAX_TEXT, ORDERINGS
from settings import Settings
from storage.driver import Database
from tests.support.configured import configured
from tests.support.queries import counted
from tests.support.rest import CONTACTS, create, synced

PEOPLE: Sequence[dict[str, Any]] = [
    {"displayName": "Álvaro", "emailAddress": "d@one.example", "company": "Acme", "department": "Sales"},
    {"displayName": "Bea", "emailAddress": "c@two.example", "company": "Zeta", "jobTitle": "Buyer", "gal": "HIDDEN"},
    {"displayName": "carl", "emailAddress": "b@one.example", "company": "acmé", "address": {"country": "GB"}},
    {"displayName": "Dora", "emailAddress": "a@two.example", "notes": "acme"},
]


@pytest.fixture
async def people(client: AsyncClient) -> list[dict[str, Any]]:
    """The contacts, in the order of their creation, which is also that of their names."""
    return [await create(client, **each) for each in PEOPLE]


async def names(client: AsyncClient, **parameters: Any) -> list[str]:
    """The display names in a list."""
    answer = await client.get(CONTACTS, params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.json()["totalCount"] >= len(answer.json()["contacts"])
    return [each["displayName"] for each in answer.json()["contacts"]]


async def test_empty_list(client: AsyncClient) -> None:
    """Without contacts, the list is empty and has no next page."""
    answer = await client.get(CONTACTS)
    assert answer.json() == {"contacts": [], "totalCount": 0, "nextCursor": None}
    assert "link" not in answer.headers


async def test_list_shows_whole_contacts(client: AsyncClient, people: list[dict[str, Any]]) -> None:
    """Contacts in a list are the same as when read one by one."""
    assert (await client.get(CONTACTS)).json() == {"contacts": people, "totalCount": 4, "nextCursor": None}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"source": "all", "gal": "all"}, ["Álvaro", "Bea", "carl", "Dora"]),
        ({"source": "cloud"}, ["Álvaro", "Bea", "carl", "Dora"]),
        ({"source": "synced"}, []),
        ({"gal": "hidden"}, ["Bea"]),
        ({"gal": "visible"}, ["Álvaro", "carl", "Dora"]),
        ({"company": "ACME"}, ["Álvaro", "carl"]),
        ({"department": "sales"}, ["Álvaro"]),
        ({"jobTitle": "buyer"}, ["Bea"]),
        ({"country": "gb"}, ["carl"]),
        ({"emailDomain": "two.example"}, ["Bea", "Dora"]),
        ({"search": "alv"}, ["Álvaro"]),
        ({"search": "acme"}, ["Álvaro", "carl"]),
        ({"search": "", "company": "Acme"}, ["Álvaro", "carl"]),
        ({"company": "acme", "emailDomain": "one.example", "search": "car"}, ["carl"]),
        ({"managerId": "unknown"}, []),
        ({"groupId": "unknown"}, []),
    ],
)
@pytest.mark.usefixtures("people")
async def test_filters(client: AsyncClient, parameters: dict[str, str], expected: list[str]) -> None:
    """All filters together select the contacts, in the order of their names, and the total counts them."""
    answer = await client.get(CONTACTS, params=parameters)
    assert [each["displayName"] for each in answer.json()["contacts"]] == expected
    assert answer.json()["totalCount"] == len(expected)


async def test_synced_and_cloud(client: AsyncClient, sync_caller: Caller) -> None:
    """The filter by source separates synced from cloud-only contacts."""
    await create(client)
    await synced(sync_caller)
    assert await names(client, source="synced") == ["Syn Chronised"]
    assert await names(client, source="cloud") == ["Ana Sample"]
    assert await names(client) == ["Ana Sample", "Syn Chronised"]


async def test_reports_and_members(client: AsyncClient, people: list[dict[str, Any]], caller: Caller) -> None:
    """Contacts can be filtered by manager and by group."""
    first, second, *_ = people
    await client.put(f"{CONTACTS}/{second['id']}", json={"managerId": first["id"]})
    group = await groups.create_group(caller, {"displayName": "Partners", "emailAddress": "p@corp.example"})
    await groups.add_contacts(caller, group["_id"], [first["id"]])
    assert await names(client, managerId=first["id"]) == ["Bea"]
    assert await names(client, groupId=group["_id"]) == ["Álvaro"]


async def test_updated_since(client: AsyncClient, people: list[dict[str, Any]]) -> None:
    """Changes at or after a time are found, with any offset and to the millisecond."""
    last = people[-1]
    changed = (await client.put(f"{CONTACTS}/{last['id']}", json={"company": "New"})).json()["updatedAt"]
    shifted = datetime.fromisoformat(changed) + timedelta(hours=2)
    assert "Dora" in await names(client, updatedSince=changed)
    assert "Dora" in await names(client, updatedSince=shifted.isoformat().replace("+00:00", "+02:00"))
    assert await names(client, updatedSince=(datetime.now(UTC) + timedelta(days=1)).isoformat()) == []
    assert len(await names(client, updatedSince="0001-01-01T00:00:00+23:59")) == 4


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("displayName", ["Álvaro", "Bea", "carl", "Dora"]),
        ("emailAddress", ["Dora", "carl", "Bea", "Álvaro"]),
        ("company", ["Dora", "Álvaro", "carl", "Bea"]),
        ("createdAt", ["Álvaro", "Bea", "carl", "Dora"]),
        ("updatedAt", ["Bea", "carl", "Dora", "Álvaro"]),
    ],
)
async def test_orderings(client: AsyncClient, people: list[dict[str, Any]], order: str, expected: list[str]) -> None:
    """Each ordering, and its reverse with a leading minus."""
    await client.put(f"{CONTACTS}/{people[0]['id']}", json={"notes": "changed last"})
    assert await names(client, orderBy=order) == expected
    assert await names(client, orderBy=f"-{order}") == expected[::-1]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("order", [sign + name for name in ORDERINGS for sign in ("", "-")])
async def test_pages(client: AsyncClient, order: str) -> None:
    """Following the links returns each contact once, in the order of the whole list."""
    whole = (await client.get(CONTACTS, params={"orderBy": order})).json()["contacts"]
    found, url = [], f"{CONTACTS}?orderBy={order}&limit=1&gal=all"
    while url:
        answer = await client.get(url)
        assert answer.json()["totalCount"] == 4
        found += answer.json()["contacts"]
        url = answer.links.get("next", {}).get("url", "")
        assert bool(url) == (answer.json()["nextCursor"] is not None)
    assert found == whole


@pytest.mark.usefixtures("people")
async def test_next_cursor(client: AsyncClient) -> None:
    """The next page can also be requested with its cursor."""
    first = (await client.get(CONTACTS, params={"limit": 3})).json()
    assert await names(client, limit=3, cursor=first["nextCursor"]) == ["Dora"]


@pytest.mark.usefixtures("people")
async def test_link_keeps_the_filters(client: AsyncClient) -> None:
    """The link to the next page has the same filters, also if one needs escaping."""
    await create(client, displayName="Eve", emailAddress="e@x.example", company="Ü & Söhne>;")
    await create(client, displayName="Fay", emailAddress="f@x.example", company="Ü & Söhne>;")
    answer = await client.get(CONTACTS, params={"company": "ü & söhne>;", "limit": 1})
    following = await client.get(answer.links["next"]["url"])
    assert [each["displayName"] for each in following.json()["contacts"]] == ["Fay"]


@pytest.mark.usefixtures("people")
async def test_cursor_of_another_ordering(client: AsyncClient) -> None:
    """A cursor is only valid for its own ordering."""
    cursor = (await client.get(CONTACTS, params={"limit": 1})).json()["nextCursor"]
    answer = await client.get(CONTACTS, params={"limit": 1, "cursor": cursor, "orderBy": "company"})
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (400, "cursor")


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("source", "cloudy", "all, synced, cloud"),
        ("source", "", "all, synced, cloud"),
        ("gal", "no", "all, visible, hidden"),
        ("orderBy", "--company", "displayName, -displayName"),
        ("orderBy", "notes", "displayName, -displayName"),
        ("limit", "0", "1 to 500"),
        ("limit", "501", "1 to 500"),
        ("limit", "-1", "1 to 500"),
        ("limit", "1.5", "1 to 500"),
        ("limit", "٣", "1 to 500"),
        ("limit", "9" * 5000, "1 to 500"),
        ("updatedSince", "yesterday", "2026-11-23T17:49:05Z"),
        ("updatedSince", "2026-11-23T17:49:05", "time zone"),
        ("updatedSince", "2026-11-23T17:49:05 01:00", "%2B"),
        ("updatedSince", "2026-13-23T17:49:05Z", "time zone"),
        ("company", " ", "omitted"),
        ("company", "x" * (MAX_TEXT + 1), "256"),
        ("search", "x" * (MAX_TEXT + 1), "256"),
        ("cursor", "x", "cursor"),
        ("cursor", "", "cursor"),
        ("filter", "x", "updatedSince, orderBy, limit, cursor"),
        ("$where", "1", "source"),
    ],
)
async def test_bad_parameters(client: AsyncClient, name: str, value: str, hint: str) -> None:
    """An unknown parameter or an invalid value is refused with what is allowed."""
    answer = await client.get(CONTACTS, params={name: value})
    body = answer.json()
    assert (answer.status_code, body["code"]) == (400, "INVALID")
    assert [each["field"] for each in body["fields"]] == [name]
    assert hint in body["detail"]


async def test_all_bad_parameters_are_named(client: AsyncClient) -> None:
    """The response lists all invalid values."""
    fields = (await client.get(CONTACTS, params={"source": "x", "limit": "x"})).json()["fields"]
    assert [each["field"] for each in fields] == ["source", "limit"]


async def test_repeated_parameter(client: AsyncClient) -> None:
    """A parameter given twice is ambiguous and refused."""
    answer = await client.get(f"{CONTACTS}?source=all&source=cloud")
    assert (answer.status_code, answer.json()["fields"][0]["code"]) == (400, "DUPLICATE")


async def test_query_that_is_not_utf8(client: AsyncClient) -> None:
    """Bytes that aren't valid text find nothing, but break nothing."""
    assert (await client.get(f"{CONTACTS}?search=%ff%00&company=%00")).status_code == 200


async def test_list_costs_a_fixed_number_of_queries(client: AsyncClient, sync_caller: Caller) -> None:
    """A page takes one query for its contacts, one count, and one for the sync, however many contacts it has."""
    for size in (1, 20):
        for number in range(size):
            await synced(sync_caller, f"{size}-{number}@ad.example")
        with counted() as commands:
            assert len((await client.get(CONTACTS)).json()["contacts"]) >= size
        assert sorted(commands) == ["find contacts", "find state", "find statistics"]


async def test_search_costs_a_fixed_number_of_queries(client: AsyncClient, people: list[dict[str, Any]]) -> None:
    """A search for a word reads a page and counts the matches."""
    with counted() as commands:
        assert len(await names(client, search="acm")) == 2
    assert sorted(commands) == ["aggregate contacts", "find contacts", "find state"]


@pytest.mark.parametrize("path", [CONTACTS, f"{CONTACTS}/imports"])
async def test_page_size_is_a_setting(settings: Settings, db: Database, path: str) -> None:
    """The maximum page size can be lowered."""
    async with configured(settings, max_page_size=60) as client:
        assert (await client.get(path, params={"limit": 60})).status_code == 200
        answer = await client.get(path, params={"limit": 61})
    assert answer.status_code == 400
    assert "a number from 1 to 60" in answer.text
