"""The service and its MongoDB are killed and stopped under load: acknowledged changes stay, and none is half done."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx
import pytest

from storage.driver import Database, connect
from storage.embedded.mongod import embedded
from tests.support import waiting
from tests.support.consistency import check
from tests.support.environment import DRIVER
from tests.support.people import person
from tests.support.service import Service, service

CLIENTS = 6
# After how many acknowledged changes which processes are killed.
KILLS = ((60, "service"), (40, "mongod"), (60, "both"), (10, "service"))
CONTACTS = "/api/identity/contacts"
GROUP = """mutation { createGroup(input: {displayName: "Partners", emailAddress: "partners@us.example"}) {
  ... on CreateGroupSuccess { group { id } } } }"""
RESTORE = "mutation($id: ID!) { result: restoreContact(id: $id) { __typename } }"
MEMBERS = "mutation($id: ID!, $ids: [ID!]!) { result: %s(groupId: $id, contactIds: $ids) { __typename } }"

pytestmark = pytest.mark.slow


class State(NamedTuple):
    """The state of a contact. The number of recorded changes shows that none was made twice."""

    company: str
    version: int
    changes: int
    is_member: bool = False
    is_deleted: bool = False


@dataclass
class Known:
    """A contact: the acknowledged state, and the requested one that was not answered."""

    address: str
    id: str = ""
    acknowledged: State | None = None
    asked: State | None = None

    @property
    def is_settled(self) -> bool:
        """Whether its state is known."""
        return self.acknowledged is not None and self.asked is None


@dataclass
class Client:
    """Changes its own contacts, one after another, and remembers what was acknowledged."""

    number: int
    http: httpx.AsyncClient
    group: str
    known: list[Known] = field(default_factory=list)
    changes: int = 0

    async def run(self) -> None:
        """Change contacts until canceled. A contact whose change was not answered is not changed again."""
        dice = random.Random(self.number)
        while True:
            settled = [each for each in self.known if each.is_settled]
            if len(settled) < 5 or dice.random() < 0.2:
                await self._create()
            else:
                await self._change(dice.choice(settled), dice.random())

    async def _create(self) -> None:
        known = Known(f"{self.number}-{len(self.known)}@kill.example")
        self.known.append(known)
        body = person("Ana Silva", emailAddress=known.address, company="Acme")
        if made := await self._ask(known, State("Acme", 1, 1), "POST", CONTACTS, body):
            known.id = made["id"]

    async def _change(self, known: Known, chance: float) -> None:
        now = known.acknowledged
        assert now is not None
        path = f"{CONTACTS}/{known.id}"
        changed = now._replace(version=now.version + 1, changes=now.changes + 1)
        if now.is_deleted:
            await self._mutate(known, changed._replace(is_deleted=False), RESTORE, id=known.id)
        elif chance < 0.2:
            await self._ask(known, changed._replace(is_deleted=True, version=now.version), "DELETE", path)
        elif chance < 0.5:
            query = MEMBERS % ("removeContactsFromGroup" if now.is_member else "addContactsToGroup")
            await self._mutate(known, now._replace(is_member=not now.is_member), query, id=self.group, ids=[known.id])
        else:
            company = f"Acme {changed.version}"
            await self._ask(known, changed._replace(company=company), "PUT", path, {"company": company})

    async def _mutate(self, known: Known, asked: State, query: str, **variables: object) -> None:
        answer = await self._ask(known, asked, "POST", "/graphql", {"query": query, "variables": variables})
        assert not answer or answer["data"]["result"]["__typename"].endswith("Success"), answer

    async def _ask(self, known: Known, asked: State, method: str, path: str, body: object = None) -> Any:
        """The response to a change, None if there was none. Recorded in both cases."""
        known.asked = asked
        try:
            response = await self.http.request(method, path, json=body)
        except httpx.ConnectError:  # it was not sent
            known.asked = None
            await asyncio.sleep(0.05)
            return None
        except httpx.TransportError:
            return None
        content = response.json() if response.content else {}
        if response.status_code >= 500 or "errors" in content:
            return None
        assert response.is_success, content
        known.acknowledged, known.asked = asked, None
        self.changes += 1
        return content


@pytest.fixture
def running() -> Iterator[Service]:
    """A service with its own data, which are removed after the test: they take 100 MB."""
    with TemporaryDirectory(prefix="contacts-test-") as directory, service(Path(directory) / "data") as running:
        yield running


@asynccontextmanager
async def stored(running: Service) -> AsyncIterator[Database]:
    """The database of a service that has ended."""
    with embedded(running.data_dir, exclusive=True, cache_gb=0.25) as uri:
        db = connect(uri, "contacts", DRIVER)
        yield db
        await db.close()


async def states(db: Database) -> dict[str, State]:
    """The state of all contacts, including deleted ones, by address."""
    changes = Counter([each["contactId"] async for each in db.history.find()])
    present = [(each, False) async for each in db.contacts.find()]
    deleted = [(each["contact"], True) async for each in db.deleted_contacts.find()]
    found = {
        each["emailAddress"]: State(
            each.get("company", ""), each["version"], changes[each["_id"]], bool(each.get("groupIds")), is_deleted
        )
        for each, is_deleted in present + deleted
    }
    assert len(found) == len(present) + len(deleted)
    return found


async def changed(clients: list[Client], count: int) -> None:
    """Wait until this many more changes are acknowledged."""
    enough = sum(client.changes for client in clients) + count
    await waiting.reached(lambda: sum(client.changes for client in clients) >= enough)


@asynccontextmanager
async def load(clients: list[Client]) -> AsyncIterator[None]:
    """Let the clients work during the block. Their exceptions fail the test."""
    tasks = [asyncio.create_task(client.run()) for client in clients]
    yield
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


async def test_kills_lose_nothing_and_leave_nothing_half_done(running: Service) -> None:
    """Whatever is killed when: acknowledged changes are there, and others are there completely or not at all."""
    async with httpx.AsyncClient(base_url=running.url, timeout=waiting.SECONDS) as http:
        made = (await http.post("/graphql", json={"query": GROUP})).json()
        clients = [Client(number, http, made["data"]["createGroup"]["group"]["id"]) for number in range(CLIENTS)]
        for count, victim in KILLS:
            async with load(clients):
                await changed(clients, count)
                victims = {"service": [running.pid], "mongod": [running.mongod_pid]}
                running.kill(*victims.get(victim, [*victims["service"], *victims["mongod"]]))
                if victim != "mongod":
                    await asyncio.to_thread(running.start)
                await changed(clients, 10)
                assert len(running.mongods()) <= 1
    assert running.stop() == 0
    assert running.mongods() == []
    async with stored(running) as db:
        found = await states(db)
        await check(db)
    known = [each for client in clients for each in client.known]
    settled = sum(each.is_settled for each in known)
    pending = sum(each.asked is not None for each in known)
    print(f"{settled} contacts whose state is known, {pending} with a change that was not answered")
    assert settled > 20
    wrong = {each.address: each for each in known if found.get(each.address) not in (each.acknowledged, each.asked)}
    assert wrong == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_stop_under_load(running: Service, number: signal.Signals) -> None:
    """On a signal, service and MongoDB end cleanly: changes that were not answered were not made."""
    created: list[str] = []
    loaded = asyncio.Event()
    async with httpx.AsyncClient(base_url=running.url, timeout=waiting.SECONDS) as http:

        async def create(client: int) -> None:
            with suppress(httpx.TransportError):
                for count in range(10_000):
                    address = f"{client}-{count}@stop.example"
                    answer = await http.post(CONTACTS, json=person("Ana Silva", emailAddress=address))
                    assert answer.status_code == 201
                    created.append(address)
                    if len(created) > 10:
                        loaded.set()

        creating = asyncio.gather(*map(create, range(CLIENTS)))
        await loaded.wait()
        assert await asyncio.to_thread(running.stop, number) == 0
        await creating
    assert running.mongods() == []
    async with stored(running) as db:
        await check(db)
        assert sorted(await states(db)) == sorted(created)
