"""The errors of the REST API."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from httpx import AsyncClient, Response

from resolvers import contacts, errors, groups
from resolvers.caller import Caller
from rest import problems
from settings import Settings
from storage.documents import now
from storage.driver import Database
from storage.sync import state
from tests.support.rest import ANA, CONTACTS, create, path, synced

JSON = {"Content-Type": "application/json"}


def refused(answer: Response, status: int, code: str) -> dict[str, Any]:
    """The problem details of a response, which must have this status and code."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    found: dict[str, Any] = answer.json()
    assert (found["status"], found["code"]) == (status, code)
    assert found["type"] == "about:blank"
    assert found["title"]
    assert found["detail"].endswith((".", "…"))
    return found


def named(problem: dict[str, Any]) -> list[tuple[str, str]]:
    """The fields in a problem, each with its code."""
    return [(each["field"], each["code"]) for each in problem["fields"]]


@pytest.mark.parametrize("url", ["/api", "/api/identity", "/api/identity/users", f"{CONTACTS}/a/b", f"{CONTACTS}%00"])
async def test_unknown_path(client: AsyncClient, url: str) -> None:
    """The response to an unknown path says where to look."""
    assert "openapi.json" in refused(await client.get(url), 404, "NOT_FOUND")["detail"]


@pytest.mark.parametrize(
    ("method", "url"), [("DELETE", CONTACTS), ("PATCH", f"{CONTACTS}/1"), ("POST", f"{CONTACTS}/1")]
)
async def test_unknown_method(client: AsyncClient, method: str, url: str) -> None:
    """An unsupported method is refused with the supported ones."""
    answer = await client.request(method, url)
    refused(answer, 405, "METHOD_NOT_ALLOWED")
    assert method not in answer.headers["allow"].split(", ")
    assert "GET" in answer.headers["allow"].split(", ")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "identifier", ["1", "%00", "%ff", "$where", "x" * 5000, "019a1b2c-3d4e-7f50-8a61-b2c3d4e5f607"]
)
async def test_unknown_contact(client: AsyncClient, method: str, identifier: str) -> None:
    """An unknown ID, whatever it looks like, is not found."""
    answer = await client.request(method, f"{CONTACTS}/{identifier}", json={"company": "Acme"})
    refused(answer, 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe{\x00}\x00",
        b'{"displayName": "\xff"}',
        b'{"displayName": "\\ud800"}',
        b'{"displayName": NaN}',
        b'{"displayName": 1e999}',
        b'{"displayName": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[]",
        b"null",
        b'"text"',
        b"1",
        b"{} {}",
    ],
    ids=lambda content: content[:24],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_malformed_body(client: AsyncClient, method: str, content: bytes) -> None:
    """A body that isn't a JSON object is malformed."""
    url = CONTACTS if method == "POST" else path(await create(client))
    refused(await client.request(method, url, content=content, headers=JSON), 400, "MALFORMED")


@pytest.mark.parametrize(
    "value",
    [1, 1.5, True, False, [], {}, [[]], {"$gt": ""}, ["a@b.example"], 123456789012345678901234567890],
    ids=str,
)
@pytest.mark.parametrize("name", ["displayName", "emailAddress", "notes", "businessPhone", "managerId"])
async def test_wrong_type(client: AsyncClient, name: str, value: object) -> None:
    """A value of the wrong type is reported."""
    answer = await client.post(CONTACTS, json={**ANA, name: value})
    assert (name, "WRONG_TYPE") in named(refused(answer, 422, "INVALID"))


async def test_deep_value(client: AsyncClient) -> None:
    """A value nested as deeply as the JSON parser allows is refused for its type."""
    content = b'{"notes":' + b"[" * 1000 + b"]" * 1000 + b"}"
    refused(await client.post(CONTACTS, content=content, headers=JSON), 422, "INVALID")


async def test_repeated_member(client: AsyncClient) -> None:
    """If a JSON member is repeated, the last one counts."""
    content = orjson.dumps(ANA)[:-1] + b',"displayName":"Last"}'
    assert (await client.post(CONTACTS, content=content, headers=JSON)).json()["displayName"] == "Last"


async def test_all_invalid_fields_are_named(client: AsyncClient) -> None:
    """The response lists all invalid fields, with what to do."""
    sent = {"displayName": " ", "emailAddress": "no", "address": {"city": 1, "planet": "X"}, "aliases": ["b"], "x": 1}
    problem = refused(await client.post(CONTACTS, json=sent), 422, "INVALID")
    assert set(named(problem)) == {
        ("x", "UNKNOWN_FIELD"),
        ("displayName", "REQUIRED"),
        ("firstName", "REQUIRED"),
        ("lastName", "REQUIRED"),
        ("emailAddress", "SYNTAX"),
        ("aliases[0]", "SYNTAX"),
        ("address.city", "WRONG_TYPE"),
        ("address.planet", "UNKNOWN_FIELD"),
    }
    assert all(each["message"] in problem["detail"] for each in problem["fields"])


async def test_many_invalid_fields(client: AsyncClient) -> None:
    """A body of unknown fields does not get a much larger response."""
    answer = await client.post(CONTACTS, json={f"field{number}": 1 for number in range(20_000)})
    assert len(refused(answer, 422, "INVALID")["fields"]) == problems.MAX_FIELDS
    assert len(answer.content) < 50_000


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/json; charset=utf-16",
        'application/json; charset="latin-1"',
    ],
)
async def test_media_type(client: AsyncClient, content_type: str) -> None:
    """A body that isn't declared as JSON in UTF-8 is not read."""
    answer = await client.post(CONTACTS, content=orjson.dumps(ANA), headers={"Content-Type": content_type})
    refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert answer.headers["accept"] == "application/json"


@pytest.mark.parametrize(
    "content_type", ["Application/JSON", 'application/json ; charset="UTF-8"', "application/merge-patch+json"]
)
async def test_other_names_of_json(client: AsyncClient, content_type: str) -> None:
    """All media types of JSON are accepted."""
    answer = await client.post(CONTACTS, content=orjson.dumps(ANA), headers={"Content-Type": content_type})
    assert answer.status_code == 201


async def test_compressed_body(client: AsyncClient) -> None:
    """A compressed body is not decompressed."""
    answer = await client.post(CONTACTS, json=ANA, headers={"Content-Encoding": "gzip"})
    refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


async def test_large_body(client: AsyncClient, settings: Settings) -> None:
    """A body of exactly the limit is read; one with one more byte is refused."""
    content = orjson.dumps({**ANA, "notes": "short"})
    content += b" " * (settings.max_body_bytes - len(content))
    assert (await client.post(CONTACTS, content=content, headers=JSON)).status_code == 201
    answer = await client.post(CONTACTS, content=content + b" ", headers=JSON)
    assert f"{settings.max_body_bytes:,}" in refused(answer, 413, "TOO_LARGE")["detail"]


async def test_large_body_of_unknown_length(client: AsyncClient) -> None:
    """An endless body, sent in chunks, is refused when it exceeds the limit."""
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1000:
            sent += 1
            yield b" " * 65536

    answer = await client.post(CONTACTS, content=chunks(), headers=JSON)
    refused(answer, 413, "TOO_LARGE")
    assert sent < 100


@pytest.mark.parametrize("length", ["9" * 30, "1048577"])
async def test_declared_length(client: AsyncClient, length: str) -> None:
    """A body with a declared length above the limit is refused immediately."""
    answer = await client.post(CONTACTS, content=b"{}", headers={**JSON, "Content-Length": length})
    refused(answer, 413, "TOO_LARGE")


async def test_address_taken_by_a_contact(client: AsyncClient) -> None:
    """A conflict contains the holder and the field with the address."""
    holder = await create(client)
    sent = {**ANA, "emailAddress": "other@acme.example", "aliases": ["x@acme.example", "ANA@Acme.example"]}
    problem = refused(await client.post(CONTACTS, json=sent), 409, "EMAIL_ADDRESS_TAKEN")
    assert named(problem) == [("aliases[1]", "EMAIL_ADDRESS_TAKEN")]
    assert problem["holder"] == {
        "kind": "contact",
        "id": holder["id"],
        "displayName": "Ana Sample",
        "emailAddress": "ana@acme.example",
        "version": 1,
    }
    assert problem["emailAddress"] == "ana@acme.example"


async def test_address_taken_by_a_group(client: AsyncClient, caller: Caller) -> None:
    """An address of a group counts as taken, too."""
    contact = await create(client)
    await groups.create_group(caller, {"displayName": "Partners", "emailAddress": "partners@corp.example"})
    answer = await client.put(path(contact), json={"emailAddress": "Partners@corp.example"})
    problem = refused(answer, 409, "EMAIL_ADDRESS_TAKEN")
    assert named(problem) == [("emailAddress", "EMAIL_ADDRESS_TAKEN")]
    assert (problem["holder"]["kind"], problem["holder"]["displayName"]) == ("group", "Partners")


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("PUT", {"company": "X"}),
        ("PUT", {}),
        ("PUT", {"displayName": " ", "emailAddress": "no", "planet": "X"}),
        ("PUT", {"gal": "SOMETIMES"}),
        ("DELETE", None),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"If-Match": '"7"'}])
async def test_synced_contact(
    client: AsyncClient, sync_caller: Caller, method: str, body: object, headers: dict[str, str]
) -> None:
    """A synced contact cannot be changed: the message says where to edit it and when it syncs."""
    at = now()
    await state.completed(sync_caller.db, "corp.example", "dc1.corp.example", at, at)
    url = f"{CONTACTS}/{await synced(sync_caller)}"
    before = (await client.get(url)).json()
    answer = await client.request(method, url, json=body, headers=headers)
    problem = refused(answer, 409, "CONTACT_READ_ONLY")
    assert "dc1.corp.example" in problem["detail"]
    assert problem["contact"]["onPremises"] == before["onPremises"]
    assert problem["contact"]["onPremises"]["nextSyncAt"] is not None
    assert (await client.get(url)).json() == before


async def test_synced_contact_sent_back(client: AsyncClient, sync_caller: Caller) -> None:
    """A synced contact is read-only even if nothing, or only read-only fields, would change."""
    url = f"{CONTACTS}/{await synced(sync_caller)}"
    body = (await client.get(url)).json()
    refused(await client.put(url, json=body), 409, "CONTACT_READ_ONLY")
    refused(await client.put(url, json={**body, "version": 99}), 409, "CONTACT_READ_ONLY")


async def test_unknown_manager(client: AsyncClient) -> None:
    """An unknown manager makes the body invalid, but the path is not unknown."""
    problem = refused(await client.post(CONTACTS, json={**ANA, "managerId": "nobody"}), 422, "NOT_FOUND")
    assert named(problem) == [("managerId", "NOT_FOUND")]


async def test_manager_cycle(client: AsyncClient) -> None:
    """A contact that would manage itself is refused with the chain of managers."""
    top = await create(client)
    below = await create(client, emailAddress="below@acme.example", managerId=top["id"])
    problem = refused(await client.put(path(top), json={"managerId": below["id"]}), 422, "MANAGER_CYCLE")
    assert named(problem) == [("managerId", "MANAGER_CYCLE")]
    assert {each["id"] for each in problem["chain"]} == {top["id"], below["id"]}


async def test_lost_update(client: AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that contains its version is refused if another change is made before it is written."""
    contact = await create(client)
    update = contacts.update_contact

    async def overtaken(*args: Any) -> Any:
        await db.contacts.update_one({}, {"$set": {"version": 2}})
        return await update(*args)

    monkeypatch.setattr(contacts, "update_contact", overtaken)
    answer = await client.put(path(contact), json={**contact, "company": "Acme"})
    assert refused(answer, 412, "VERSION_CONFLICT")["current"]["version"] == 2
    assert answer.headers["etag"] == '"2"'


async def test_busy(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that lost against others gets a response that says when to retry."""

    async def busy(*_: object) -> None:
        raise errors.Busy

    monkeypatch.setattr(contacts, "create_contact", busy)
    answer = await client.post(CONTACTS, json=ANA)
    refused(answer, 503, "BUSY")
    assert answer.headers["retry-after"] == "1"


async def test_defect(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error is answered with nothing but the request ID."""

    async def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(contacts, "create_contact", fail)
    answer = await client.post(CONTACTS, json=ANA)
    problem = refused(answer, 500, "INTERNAL")
    assert problem["requestId"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text


def test_every_refusal_has_a_status() -> None:
    """Every kind of refusal, also a future one, has its own HTTP status."""
    known = {kind for kind in problems.STATUSES if kind is not errors.Problem}
    missing = {kind.__name__ for kind in errors.Problem.__subclasses__() if not known & set(kind.__mro__)}
    assert missing <= {"EventsMissed"}  # only in subscriptions, which REST doesn't have


@pytest.mark.parametrize("url", ["/api", CONTACTS, f"{CONTACTS}/x"])
async def test_invalid_host(client: AsyncClient, url: str) -> None:
    """An invalid host is refused and breaks nothing."""
    assert (await client.delete(url, headers={"Host": "[::"})).status_code == 421
