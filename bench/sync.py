"""Compares the Active Directory sync with a bare LDAP read of the same data, on a real domain controller.

`python -m bench.sync MONGODB_URI [CONTACTS]` (as root, with Samba installed) fills a domain and prints a table: the
first run of the sync, one after 1% of the contacts changed, and one without changes, each in seconds and as a multiple
of reading the same data with python-ldap alone. It also prints how quickly a service answers lists during a run.
"""

import asyncio
import os
import random
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import ldap
from ldap.controls.libldap import SimplePagedResultsControl

from connector.mapping import CONTACT_ATTRIBUTES, GROUP_ATTRIBUTES
from connector.reader import CONTACTS, GROUPS
from connector.scheduler import AUTHOR, perform
from resolvers.caller import Caller, Role
from resolvers.sync import control as sync_control
from resolvers.sync import progress
from resolvers.sync.request import SyncRequest
from settings import Settings
from storage import migrations
from storage.documents import Document, new_id
from storage.driver import connect
from tests.support.ad.controller import Controller, fresh_controller
from tests.support.ad.provision import BASE_DN, CONTACTS_DN, READER_DN, READER_PASSWORD

LIST = "{ contacts(first: 50) { nodes { id displayName emailAddress company jobTitle businessPhone source gal } } }"
STATE = "{ directorySync { lastRun { id } } }"
INVENTORY = ("objectGUID", "uSNChanged")
CONTACT = CONTACT_ATTRIBUTES
GROUP = (*GROUP_ATTRIBUTES, "member")
GROUP_SIZES = (45, 23, 12, 1_000)
TIMES = 3
PAGE_SIZE = 1_000  # the limit of Windows: the bare read does not have to answer requests meanwhile


@dataclass(frozen=True)
class Row:
    """A run, and the bare read of the same data."""

    name: str
    record: Document
    cpu: float
    bare: float

    def __str__(self) -> str:
        seconds, waited = self.record["seconds"], self.record["ldapSeconds"]
        return (
            f"| {self.name} | {seconds:.2f} | {waited:.2f} | {self.cpu:.2f} | {self.bare:.2f} "
            f"| {seconds / self.bare:.2f} |"
        )


def main() -> None:
    uri, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    with fresh_controller() as controller:
        controller.load(ldif(count))
        controller.start()
        settings = settings_for(controller, uri)
        rows = asyncio.run(runs(controller, settings, count))
        busy, quiet = asyncio.run(list_times(settings))
    print(f"| {count:,} contacts | seconds | LDAP seconds | own CPU | bare read | ratio |\n|---|---|---|---|---|---|")
    print("\n".join(map(str, rows)))
    for name, times in (("the first run", busy), ("no run", quiet)):
        print(
            f"\nA list of 50 during {name}: median {1000 * statistics.median(times):.0f} ms, p95 "
            f"{1000 * p95(times):.0f} ms, longest {1000 * max(times):.0f} ms of {len(times):,}."
        )


async def runs(controller: Controller, settings: Settings, count: int) -> list[Row]:
    """The rows of the table, each with the fastest of three bare reads and runs.

    There is only one first run, so it is compared with the median of the bare reads before and after it: the speed of a
    shared machine varies.
    """
    bare = [bare_read(controller, None) for _ in range(TIMES)]
    async with database(settings) as caller:
        first = await sync("first run", caller, settings, 0)
        bare += [bare_read(controller, None) for _ in range(TIMES)]
        first = replace(first, bare=statistics.median(bare))
        changed = [await after_changes(controller, caller, settings, count // 100) for _ in range(TIMES)]
        unchanged = [await after_changes(controller, caller, settings, 0) for _ in range(TIMES)]
    return [first, fastest("1% changed", changed), fastest("nothing changed", unchanged)]


async def after_changes(controller: Controller, caller: Caller, settings: Settings, count: int) -> Row:
    """A run after this many contacts changed, and the bare read of the same data."""
    usn = highest_usn(controller)
    change(controller, count)
    bare = bare_read(controller, usn)
    return await sync("", caller, settings, bare)


def fastest(name: str, rows: Sequence[Row]) -> Row:
    best = min(rows, key=lambda row: float(row.record["seconds"]))
    return Row(name, best.record, best.cpu, min(row.bare for row in rows))


async def sync(name: str, caller: Caller, settings: Settings, bare: float) -> Row:
    run = await progress.take(caller, SyncRequest())
    assert run is not None
    cpu = time.process_time()
    await perform(run, settings)
    cpu = time.process_time() - cpu
    record = await sync_control.get_run(caller, run.id)
    assert record["status"] == "SUCCEEDED", record
    return Row(name, record, cpu, bare)


def settings_for(controller: Controller, uri: str) -> Settings:
    values = {
        "mongodb_uri": uri,
        "database": f"bench-{new_id()}",
        "ad_urls": (controller.url,),
        "ad_bind_dn": READER_DN,
        "ad_password": READER_PASSWORD,
        "ad_ca_file": controller.ca_file,
    }
    return Settings.model_validate(values)


def ldif(count: int) -> str:
    """Contacts with the usual attributes, a third of them with one of 200 managers, and four groups."""
    rng = random.Random(7)
    units = [f"OU=Unit {number},{CONTACTS_DN}" for number in range(10)]
    entries = [f"dn: {unit}\nobjectClass: organizationalUnit\n" for unit in units]
    people = [f"CN=Person {number},{units[number % 10]}" for number in range(count)]
    entries += [contact(people, number, rng) for number in range(count)]
    for size in GROUP_SIZES:
        members = "".join(f"member: {dn}\n" for dn in rng.sample(people, min(size, count)))
        entries.append(
            f"dn: CN=Group {size},{CONTACTS_DN}\nobjectClass: group\ngroupType: 8\nsAMAccountName: group{size}\n"
            f"mail: group{size}@example.test\n{members}"
        )
    return "\n".join(entries)


def contact(people: Sequence[str], number: int, rng: random.Random) -> str:
    manager = f"manager: {people[rng.randrange(200)]}\n" if number >= 200 and number % 3 == 0 else ""
    return (
        f"dn: {people[number]}\nobjectClass: contact\ngivenName: Person\nsn: Number {number}\n"
        f"displayName: Person Number {number}\nmail: person{number}@company{number % 997}.example\n"
        f"proxyAddresses: SMTP:person{number}@company{number % 997}.example\n"
        f"proxyAddresses: smtp:p{number}@company{number % 997}.example\n"
        f"targetAddress: SMTP:person{number}@company{number % 997}.example\n"
        f"company: Company {number % 997}\ndepartment: Department {number % 31}\ntitle: Buyer\n"
        f"telephoneNumber: +31 20 {number:07}\nmobile: +31 6 {number:08}\nstreetAddress: High Street {number % 300}\n"
        f"l: Leiden\nst: ZH\nc: NL\nco: Netherlands\npostalCode: {1000 + number % 9000} AB\n"
        f"info: Known since {2000 + number % 26}\n{manager}"
    )


def change(controller: Controller, count: int) -> None:
    """Change the job title of this many contacts."""
    title = f"Title {new_id()}"
    with controller.administrator() as administrator:
        for number in range(count):
            administrator.set(f"CN=Person {number},OU=Unit {number % 10},{CONTACTS_DN}", title=title)


def bare_read(controller: Controller, since: int | None) -> float:
    """Seconds to read what a run reads: everything, or the changes since a USN and the inventory."""
    started = time.perf_counter()
    with signed_in(controller) as connection:
        for condition, attributes in ((CONTACTS, CONTACT), (GROUPS, GROUP)):
            if since is None:
                read_pages(connection, condition, attributes)
            else:
                read_pages(connection, condition, INVENTORY)
                read_pages(connection, f"(&{condition}(uSNChanged>={since + 1}))", attributes)
    return time.perf_counter() - started


@contextmanager
def signed_in(controller: Controller) -> Iterator[Any]:  # python-ldap has no type information
    connection = ldap.initialize(controller.url)
    connection.set_option(ldap.OPT_REFERRALS, 0)
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(controller.ca_file))
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    connection.simple_bind_s(READER_DN, READER_PASSWORD)
    yield connection
    connection.unbind_s()


# Any: python-ldap has no type information.
def read_pages(connection: Any, condition: str, attributes: Sequence[str]) -> None:
    """Read all matching objects page by page, and discard them."""
    cookie, more = b"", True
    while more:
        control = SimplePagedResultsControl(True, size=PAGE_SIZE, cookie=cookie)
        asked = connection.search_ext(BASE_DN, ldap.SCOPE_SUBTREE, condition, list(attributes), serverctrls=[control])
        _, _, _, answered = connection.result3(asked)
        cookie = answered[0].cookie
        more = bool(cookie)


def highest_usn(controller: Controller) -> int:
    with signed_in(controller) as connection:
        rows = connection.search_s("", ldap.SCOPE_BASE, attrlist=["highestCommittedUSN"])
    return int(rows[0][1]["highestCommittedUSN"][0])


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Caller]:
    """The sync as a caller, with a database that is dropped afterwards."""
    db = connect(settings.uri(), settings.database, settings.driver)
    await migrations.prepare(db)
    try:
        yield Caller(db, AUTHOR, Role.ADMIN)
    finally:
        await db.drop()
        await db.close()


async def list_times(settings: Settings) -> tuple[list[float], list[float]]:
    """The times of lists, requested 20 times per second, during a service's first run and afterwards, in seconds."""
    async with database(settings), service(settings) as client:
        busy = await lists_while(client, lambda last_run: last_run is None)
        started = time.monotonic()
        quiet = await lists_while(client, lambda _: time.monotonic() < started + 10)
    return busy, quiet


@asynccontextmanager
async def service(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that syncs, in its own process as in production."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    command = ["uvicorn", "--factory", "app:from_environment", "--port", str(port), "--log-level", "warning"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, env=environment(settings), cwd=Path(__file__).parents[1]
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            await answers(client)
            yield client
    finally:
        process.terminate()
        await process.wait()


def environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "CONTACTS_MONGODB_URI": settings.uri(),
        "CONTACTS_DATABASE": settings.database,
        "CONTACTS_AD_URLS": " ".join(settings.ad_urls),
        "CONTACTS_AD_BIND_DN": settings.ad_bind_dn,
        "CONTACTS_AD_PASSWORD": READER_PASSWORD,
        "CONTACTS_AD_CA_FILE": str(settings.ad_ca_file),
        "CONTACTS_LOG_LEVEL": "warning",
    }


async def answers(client: httpx.AsyncClient) -> None:
    """Wait until the service answers."""
    while True:
        with suppress(httpx.TransportError):
            await client.get("/healthz")
            return
        await asyncio.sleep(0.05)


async def lists_while(client: httpx.AsyncClient, condition: Callable[[object], bool]) -> list[float]:
    """The times of lists, in seconds, while the sync's last run meets a condition."""
    times: list[float] = []
    while condition((await asked(client, STATE))["directorySync"]["lastRun"]):
        for _ in range(10):
            started = time.perf_counter()
            await asked(client, LIST)
            times.append(time.perf_counter() - started)
            await asyncio.sleep(0.05)
    return times


async def asked(client: httpx.AsyncClient, query: str) -> Document:
    answer = await client.post("/graphql", json={"query": query})
    data: Document = answer.raise_for_status().json()["data"]
    return data


def p95(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


if __name__ == "__main__":
    main()
