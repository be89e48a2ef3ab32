"""Retries with an idempotency key, when processes are killed: one contact, and the answer that the first one had."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from storage.driver import Database
from tests.support import waiting
from tests.support.idempotency import a_minute_passes
from tests.support.importing import HEADER
from tests.support.people import person
from tests.support.service import Service

pytestmark = pytest.mark.slow

CONTACTS = "/api/identity/contacts"
BODY = person("Ana Silva", company="Acme")


@pytest.fixture
def services(mongodb_uri: str, database_name: str, db: Database) -> Iterator[tuple[Service, Service]]:
    """Two services on one database, not started."""
    with TemporaryDirectory(prefix="contacts-") as folder:
        first, second = (
            Service(Path(folder) / name, mongodb_uri=mongodb_uri, database=database_name) for name in ("1", "2")
        )
        yield first, second
        first.clean_up()
        second.clean_up()


def client(service: Service) -> httpx.AsyncClient:
    """A client of this service."""
    return httpx.AsyncClient(base_url=service.url, timeout=waiting.SECONDS)


async def lost(running: "asyncio.Task[httpx.Response]") -> None:
    """The answer is lost, because its process was killed or the client left."""
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.usefixtures("brief_transactions")
async def test_killed_after_the_commit(services: tuple[Service, Service], db: Database) -> None:
    """The service is killed as soon as the change is committed. Another one repeats the request: it has been made."""
    first, second = services
    first.start()
    second.start()
    key = {"Idempotency-Key": "1"}
    async with client(first) as http, client(second) as other:
        sending = asyncio.create_task(http.post(CONTACTS, json=BODY, headers=key))
        await waiting.until(lambda: db.contacts.find_one({}))
        first.kill(first.pid)
        await lost(sending)
        answer = await other.post(CONTACTS, json=BODY, headers=key)
        made = await db.contacts.find_one({})
        assert made is not None
        assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
        assert answer.json()["id"] == made["_id"]
        assert answer.headers["location"] == f"{CONTACTS}/{made['_id']}"
        first.start()  # and once more, in a new process
        assert (await http.post(CONTACTS, json=BODY, headers=key)).content == answer.content
    assert await db.contacts.count_documents({}) == await db.audit.count_documents({"action": "CREATE_CONTACT"}) == 1


@pytest.mark.usefixtures("brief_transactions")
async def test_killed_before_the_commit(services: tuple[Service, Service], db: Database) -> None:
    """The service is killed while a file arrives. Its key is in use for a minute, then the request can be made."""
    first, second = services
    first.start()
    second.start()
    headers = {"Idempotency-Key": "1", "content-type": "text/csv"}
    row = "Ana Silva,ana@acme.example,Ana,Silva,,,"

    async def endless() -> AsyncIterator[bytes]:
        yield f"{HEADER}\n".encode()
        await asyncio.Event().wait()

    async with client(first) as http, client(second) as other:
        sending = asyncio.create_task(http.post(f"{CONTACTS}/bulk", content=endless(), headers=headers))
        await waiting.until(lambda: db.idempotency_keys.find_one({}))
        first.kill(first.pid)
        await lost(sending)
        file = f"{HEADER}\n{row}\n".encode()
        answer = await other.post(f"{CONTACTS}/bulk", content=file, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "IDEMPOTENCY_KEY_IN_USE")
        await a_minute_passes(db)
        answers = [await other.post(f"{CONTACTS}/bulk", content=file, headers=headers) for _ in range(2)]
        assert [each.status_code for each in answers] == [200, 200]
        assert answers[0].json() == answers[1].json()
    assert await db.imports.count_documents({}) == 1


@pytest.mark.usefixtures("brief_transactions")
async def test_retries_in_two_processes_while_one_is_killed(services: tuple[Service, Service], db: Database) -> None:
    """Many requests with keys, at two services at once, one of which is killed: each makes exactly one contact."""
    first, second = services
    first.start()
    second.start()
    bodies = [person(f"Ana Nr{number}") for number in range(30)]

    async def send(http: httpx.AsyncClient, number: int) -> httpx.Response | None:
        try:
            return await http.post(CONTACTS, json=bodies[number], headers={"Idempotency-Key": str(number)})
        except httpx.TransportError:
            return None  # killed

    async with client(first) as http, client(second) as other:
        sending = [asyncio.create_task(send(each, number)) for number in range(30) for each in (http, other)]
        await waiting.until(lambda: db.contacts.count_documents({}), lambda count: count >= 10)
        first.kill(first.pid)
        answered = [answer for answer in await asyncio.gather(*sending) if answer is not None]
        assert {answer.status_code for answer in answered} <= {201, 409}
        await a_minute_passes(db)
        last = [answer for number in range(30) if (answer := await send(other, number))]
    assert [answer.status_code for answer in last] == [201] * 30
    made = {answer.content for answer in (*answered, *last) if answer.status_code == 201}
    assert len(made) == await db.contacts.count_documents({}) == 30
