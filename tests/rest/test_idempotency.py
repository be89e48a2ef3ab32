"""The `Idempotency-Key` header: a repeated request gets the same answer, and its change is made once."""

from collections.abc import Mapping

import pytest
from httpx import AsyncClient, Response

from storage.driver import Database
from tests.support.idempotency import running
from tests.support.importing import HEADER
from tests.support.rest import ANA, CONTACTS, create, path

BULK = f"{CONTACTS}/bulk"
IMPORTS = f"{CONTACTS}/imports"
FILE = f"{HEADER}\nAna García,ana@acme.example,Ana,García,Acme,CTO,\n"
KEY = {"Idempotency-Key": '"8e03978e-40d5-43e8-bc93-6894a57f9324"'}
SAME_KEY = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}


def seen(answer: Response) -> tuple[int, bytes, Mapping[str, str]]:
    """What a client sees of an answer, except for the ID of the request."""
    return answer.status_code, answer.content, {**answer.headers, "x-request-id": ""}


async def test_create(client: AsyncClient, db: Database) -> None:
    """A repeated create gets the same status, body, ETag and Location, even after the contact has changed."""
    first = await client.post(CONTACTS, json=ANA, headers=KEY)
    assert first.status_code == 201
    assert first.headers["location"] == path(first.json())
    await client.put(path(first.json()), json={"company": "Acme"})
    assert seen(await client.post(CONTACTS, json=ANA, headers=SAME_KEY)) == seen(first)
    assert await db.contacts.count_documents({}) == 1


async def test_update(client: AsyncClient) -> None:
    """A repeated update gets the same answer, though the contact no longer has the expected version."""
    made = await create(client)
    headers = {**KEY, "If-Match": '"1"'}
    first = await client.put(path(made), json={"company": "Acme"}, headers=headers)
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    assert seen(await client.put(path(made), json={"company": "Acme"}, headers=headers)) == seen(first)
    assert (await client.put(path(made), json={"company": "Acme"}, headers={"If-Match": '"1"'})).status_code == 412


async def test_delete(client: AsyncClient) -> None:
    """A repeated deletion gets the same answer, though the contact is gone."""
    made = await create(client)
    for _ in range(2):
        assert (await client.delete(path(made), headers=KEY)).status_code == 204
    assert (await client.delete(path(made))).status_code == 404


async def test_import(client: AsyncClient, db: Database) -> None:
    """A repeated import gets the report of the first one: as a file, a form, or JSON."""
    sent = [
        {"content": FILE.encode(), "headers": {"content-type": "text/csv", "Idempotency-Key": "file"}},
        {"files": {"file": ("kontakte.csv", FILE.encode())}, "headers": {"Idempotency-Key": "form"}},
        {"json": {"contacts": [ANA]}, "headers": {"Idempotency-Key": "json"}},
    ]
    for number, request in enumerate(sent, start=1):
        first = await client.post(BULK, **request)  # type: ignore[arg-type]  # each has other arguments
        assert first.status_code == 200, first.text
        assert seen(await client.post(BULK, **request)) == seen(first)  # type: ignore[arg-type]  # as above
        assert await db.imports.count_documents({}) == number


async def test_another_file_with_the_same_key(client: AsyncClient, db: Database) -> None:
    """A file or options that differ are another request. What was uploaded of it is not kept."""
    headers = {"content-type": "text/csv", **KEY}
    await client.post(BULK, content=FILE.encode(), headers=headers)
    for content, params in ((FILE.replace("Acme", "Ecma"), {}), (FILE, {"dryRun": "true"})):
        answer = await client.post(BULK, content=content.encode(), params=params, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert (await db.imports.count_documents({}), await db.upload_files.count_documents({})) == (1, 0)


async def test_cancel_and_undo(client: AsyncClient) -> None:
    """An import is undone once, and asked to stop once."""
    job = (await client.post(BULK, json={"contacts": [ANA]})).json()["id"]
    undo = f"{IMPORTS}/{job}/undo"
    first = await client.post(undo, headers=KEY)
    assert (first.status_code, first.json()["status"]) == (200, "UNDONE")
    assert seen(await client.post(undo, headers=KEY)) == seen(first)
    assert (await client.post(undo)).status_code == 409
    for _ in range(2):
        assert (await client.post(f"{IMPORTS}/{job}/cancel", headers={"Idempotency-Key": "2"})).status_code == 202


async def test_a_key_in_use(client: AsyncClient, db: Database) -> None:
    """While the first request runs, others with its key get 409, and when to retry."""
    async with running(db, "local", "one"):
        answer = await client.post(CONTACTS, json=ANA, headers={"Idempotency-Key": "one"})
    assert (answer.status_code, answer.json()["code"]) == (409, "IDEMPOTENCY_KEY_IN_USE")
    assert answer.headers["retry-after"] == "1"
    assert (await client.post(CONTACTS, json=ANA, headers={"Idempotency-Key": "one"})).status_code == 201


async def test_another_request(client: AsyncClient, db: Database) -> None:
    """Another body, path or condition with the same key gets 422."""
    made = (await client.post(CONTACTS, json=ANA, headers=KEY)).json()
    changed = {"Idempotency-Key": "2"}
    await client.put(path(made), json={"company": "Acme"}, headers=changed)
    for method, url, body, headers in (
        ("POST", CONTACTS, {**ANA, "company": "Acme"}, KEY),
        ("DELETE", path(made), None, KEY),
        ("PUT", path(made), {"company": "Ecma"}, changed),
        ("PUT", path(made), {"company": "Acme"}, {**changed, "If-Match": '"2"'}),
    ):
        answer = await client.request(method, url, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert await db.history.count_documents({}) == 2


async def test_a_refused_request_does_not_use_up_its_key(client: AsyncClient) -> None:
    """A request that was refused can be corrected and sent with the same key."""
    made = await create(client)
    for body in ({}, ANA):
        assert (await client.post(CONTACTS, json=body, headers=KEY)).status_code in (409, 422)
    stale = {**KEY, "If-Match": '"7"'}
    assert (await client.put(path(made), json={"company": "Acme"}, headers=stale)).status_code == 412
    assert (await client.delete(f"{CONTACTS}/unknown", headers=KEY)).status_code == 404
    assert (await client.delete(path(made), headers=KEY)).status_code == 204


@pytest.mark.parametrize("key", ["", '""', '"open', '"a"b"', "x" * 256, "a\tb", "\u00e4"])
async def test_invalid_keys(client: AsyncClient, key: str) -> None:
    """A key that is none is refused, whatever the request."""
    answer = await client.post(CONTACTS, json=ANA, headers={b"Idempotency-Key": key.encode()})
    assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_INVALID")
    assert (await client.get(CONTACTS)).json()["totalCount"] == 0


async def test_two_keys(client: AsyncClient) -> None:
    """A request has one key."""
    answer = await client.post(CONTACTS, json=ANA, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")])
    assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_INVALID")


async def test_reads_ignore_keys(client: AsyncClient, db: Database) -> None:
    """A read with a key is just a read."""
    assert (await client.get(CONTACTS, headers=KEY)).status_code == 200
    assert await db.idempotency_keys.count_documents({}) == 0
