"""The REST paths of a contact: create, read, update, delete, and the conditions on them."""

from typing import Any

import httpx
import pytest
from httpx import AsyncClient

from resolvers.caller import Caller
from rest.representation import READ_ONLY, STORED
from storage.driver import Database
from tests.support.rest import ANA, CONTACTS, create, path, synced


async def test_create(client: AsyncClient) -> None:
    """Creating returns 201 with the contact, its location and its entity tag."""
    answer = await client.post(CONTACTS, json={**ANA, "company": " Acme ", "showInGal": False})
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json")
    assert answer.headers["location"] == path(body)
    assert answer.headers["etag"] == '"1"'
    assert (body["company"], body["gal"], body["source"], body["version"]) == ("Acme", "HIDDEN", "CLOUD", 1)
    assert (await client.get(answer.headers["location"])).json() == body


async def test_representation(client: AsyncClient) -> None:
    """A contact always has all fields, null if empty."""
    body = await create(client, businessPhone="+44 20 7946 0958", address={"city": "London"})
    assert body == {
        **ANA,
        "id": body["id"],
        "aliases": [],
        "company": None,
        "jobTitle": None,
        "department": None,
        "businessPhone": "+44 20 7946 0958",
        "businessPhoneE164": "+442079460958",
        "mobilePhone": None,
        "mobilePhoneE164": None,
        "address": {"street": None, "city": "London", "state": None, "country": None, "postalCode": None},
        "managerId": None,
        "notes": None,
        "source": "CLOUD",
        "gal": "VISIBLE",
        "editable": True,
        "onPremises": None,
        "version": 1,
        "createdAt": body["createdAt"],
        "updatedAt": body["updatedAt"],
    }
    assert {"id", "editable", *STORED} == body.keys()


async def test_moments_are_utc_to_the_millisecond(client: AsyncClient) -> None:
    """Times are ISO 8601 with three decimals and Z."""
    body = await create(client)
    for name in ("createdAt", "updatedAt"):
        assert len(body[name]) == len("2026-11-23T17:49:05.795Z")
        assert body[name][19] == "."
        assert body[name].endswith("Z")


async def test_synced_contact_shows_its_origin(client: AsyncClient, sync_caller: Caller) -> None:
    """A synced contact contains its identity in Active Directory, and says that it isn't editable here."""
    identifier = await synced(sync_caller)
    answer = await client.get(f"{CONTACTS}/{identifier}")
    body = answer.json()
    assert (body["source"], body["editable"], body["firstName"]) == ("SYNCED", False, None)
    assert body["onPremises"].pop("lastSyncAt").endswith("Z")
    assert body["onPremises"] == {
        "objectGuid": "guid-syn@ad.example",
        "distinguishedName": "CN=syn@ad.example,DC=corp",
        "domain": "corp.example",
        "nextSyncAt": None,
    }
    assert answer.headers["etag"] == 'W/"1"'


async def test_update_changes_only_what_is_given(client: AsyncClient) -> None:
    """An omitted field keeps its value; null clears it."""
    before = await create(client, company="Acme", jobTitle="Agent")
    answer = await client.put(path(before), json={"jobTitle": None, "department": "Sales"})
    after = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    changed = {"jobTitle": None, "department": "Sales", "version": 2, "updatedAt": after["updatedAt"]}
    assert after == {**before, **changed}


async def test_update_of_part_of_an_address(client: AsyncClient) -> None:
    """Parts of an address change separately: omitted parts keep their values; null clears a part."""
    before = await create(client, address={"city": "London", "country": "GB"})
    after = (await client.put(path(before), json={"address": {"city": None, "street": "1 High Street"}})).json()
    assert (after["address"]["city"], after["address"]["street"], after["address"]["country"]) == (
        None,
        "1 High Street",
        "GB",
    )
    assert (await client.put(path(before), json={"address": {}})).json()["address"] == after["address"]
    assert (await client.put(path(before), json={"address": None})).json()["address"] is None


async def test_own_representation_sent_back(client: AsyncClient) -> None:
    """A contact can be sent back unchanged: it changes nothing and creates no new version."""
    before = await create(client, businessPhone="+44 20 7946 0958", aliases=["a@acme.example"])
    answer = await client.put(path(before), json=before)
    assert (answer.status_code, answer.json()) == (200, before)


@pytest.mark.parametrize("name", READ_ONLY)
async def test_read_only_fields(client: AsyncClient, name: str) -> None:
    """Read-only fields are refused unless they have their current values."""
    before = await create(client)
    answer = await client.put(path(before), json={name: "other"})
    assert answer.status_code == 422
    assert [(each["field"], each["code"]) for each in answer.json()["fields"]] == [(name, "READ_ONLY")]


async def test_read_only_fields_of_a_new_contact(client: AsyncClient) -> None:
    """A new contact cannot have an ID or version of its own, but they may be null."""
    answer = await client.post(CONTACTS, json={**ANA, "id": "mine", "version": 7})
    assert [(each["field"], each["code"]) for each in answer.json()["fields"]] == [
        ("id", "READ_ONLY"),
        ("version", "READ_ONLY"),
    ]
    assert (await create(client, id=None, version=None, onPremises=None))["version"] == 1


@pytest.mark.parametrize(
    ("sent", "gal"),
    [
        ({"gal": "HIDDEN"}, "HIDDEN"),
        ({"showInGal": False}, "HIDDEN"),
        ({"gal": "HIDDEN", "showInGal": False}, "HIDDEN"),
        ({"gal": None}, "VISIBLE"),
        ({"gal": None, "showInGal": None}, "VISIBLE"),
        ({"gal": "VISIBLE", "showInGal": None}, "VISIBLE"),
    ],
)
async def test_gal_by_either_name(client: AsyncClient, sent: dict[str, Any], gal: str) -> None:
    """The visibility is set with `gal` or `showInGal`."""
    assert (await create(client, **sent))["gal"] == gal


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"gal": "hidden"}, "SYNTAX"),
        ({"gal": ["HIDDEN"]}, "WRONG_TYPE"),
        ({"gal": "HIDDEN", "showInGal": True}, "DUPLICATE"),
        ({"gal": "HIDDEN", "showInGal": None}, "DUPLICATE"),
    ],
)
async def test_impossible_gal(client: AsyncClient, sent: dict[str, Any], code: str) -> None:
    """An unknown or contradictory visibility is reported along with all other problems."""
    answer = await client.post(CONTACTS, json={**ANA, "lastName": None, **sent})
    assert answer.status_code == 422
    assert [(e["field"], e["code"]) for e in answer.json()["fields"]] == [("gal", code), ("lastName", "REQUIRED")]


async def test_delete(client: AsyncClient) -> None:
    """Deleting returns 204, and the contact is gone."""
    contact = await create(client)
    answer = await client.delete(path(contact))
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.get(path(contact))).status_code == 404
    assert (await client.delete(path(contact))).status_code == 404


async def test_changes_are_recorded_as_made_through_rest(client: AsyncClient, db: Database) -> None:
    """The history names REST as the channel."""
    await create(client)
    record = await db.history.find_one({})
    assert record is not None
    assert (record["by"], record["through"]) == ("local user", "rest")


@pytest.mark.parametrize("header", ['"1"', 'W/"1"', '"0", "1"', '"0" ,, W/"1"', "*"])
async def test_unchanged_contact_is_not_sent_again(client: AsyncClient, header: str) -> None:
    """`If-None-Match` with the contact's tag, compared weakly, returns 304 without a body."""
    contact = await create(client)
    answer = await client.get(path(contact), headers={"If-None-Match": header})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"1"')


async def test_changed_contact_is_sent_again(client: AsyncClient) -> None:
    """`If-None-Match` with another tag returns the contact."""
    contact = await create(client)
    answer = await client.get(path(contact), headers={"If-None-Match": '"0", "10"'})
    assert (answer.status_code, answer.json()) == (200, contact)


@pytest.mark.parametrize("header", ['"1"', '"0", "1"', "*"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_if_match_of_the_current_version(client: AsyncClient, method: str, header: str) -> None:
    """A change whose condition holds is made."""
    contact = await create(client)
    body = {"company": "Acme"} if method == "PUT" else None
    answer = await client.request(method, path(contact), headers={"If-Match": header}, json=body)
    assert answer.is_success


@pytest.mark.parametrize("header", ['"2"', 'W/"1"', '"0", W/"1"', '"a,\\"', '""'])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_if_match_of_another_version(client: AsyncClient, method: str, header: str) -> None:
    """A change with another version's tag, or a weak one, is refused with the contact's current state."""
    contact = await create(client)
    body = {"company": "Acme"} if method == "PUT" else None
    answer = await client.request(method, path(contact), headers={"If-Match": header}, json=body)
    assert (answer.status_code, answer.headers["etag"]) == (412, '"1"')
    assert answer.json()["code"] == "VERSION_CONFLICT"
    assert (answer.json()["current"]["version"], answer.json()["current"]["etag"]) == (1, '"1"')
    assert (await client.get(path(contact))).json() == contact


async def test_if_match_on_several_lines(client: AsyncClient) -> None:
    """A repeated header is a single list."""
    contact = await create(client)
    headers = httpx.Headers([("If-Match", '"0"'), ("If-Match", '"1"')])
    assert (await client.delete(path(contact), headers=headers)).status_code == 204


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_if_none_match_of_a_change(client: AsyncClient, method: str) -> None:
    """A change that requires that there is no such contact is refused."""
    contact = await create(client)
    answer = await client.request(method, path(contact), headers={"If-None-Match": "*"}, json={})
    assert answer.status_code == 412


@pytest.mark.parametrize("header", ["", ",", "1", '"1', "W/1", '"1" "2"', "*, *", '"1", 2'])
@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
async def test_malformed_entity_tags(client: AsyncClient, name: str, header: str) -> None:
    """An invalid entity tag is reported, not ignored."""
    contact = await create(client)
    answer = await client.get(path(contact), headers={name: header})
    assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED")


async def test_version_in_the_body(client: AsyncClient) -> None:
    """If someone else has changed a contact, sending it back as a whole is refused with its current state."""
    contact = await create(client)
    await client.put(path(contact), json={"company": "Acme"})
    answer = await client.put(path(contact), json={**contact, "jobTitle": "Buyer"})
    assert (answer.status_code, answer.json()["code"], answer.headers["etag"]) == (412, "VERSION_CONFLICT", '"2"')
    assert (answer.json()["current"]["version"], answer.json()["current"]["etag"]) == (2, '"2"')
    assert "Read it again" in answer.json()["detail"]
    assert (await client.get(path(contact))).json()["jobTitle"] is None


@pytest.mark.parametrize("version", ["1", 1.5, None])
async def test_version_that_is_none(client: AsyncClient, version: object) -> None:
    """A version that isn't an integer is invalid input, not a conflict."""
    contact = await create(client)
    answer = await client.put(path(contact), json={"version": version, "company": "Acme"})
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "version")


async def test_head(client: AsyncClient) -> None:
    """HEAD returns the same headers as GET."""
    contact = await create(client)
    head, get = await client.head(path(contact)), await client.get(path(contact))
    for name in ("etag", "content-type", "content-length", "cache-control"):
        assert head.headers[name] == get.headers[name]


async def test_options(client: AsyncClient) -> None:
    """OPTIONS lists the methods of a path."""
    answer = await client.options(CONTACTS)
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert (await client.options(f"{CONTACTS}/1")).headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"
