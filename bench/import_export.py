"""Compares import and export with bare MongoDB, in one run: `python -m bench.import_export [ROWS] [--endure]`.

The rates depend on the machine and the moment; only the ratios count. The database is an embedded mongod on an empty
directory: one for the bare insertion, whose changed pages would otherwise be written at the expense of what follows,
and another one for everything else. A row has all 20 columns, most of them filled.
"""

import argparse
import asyncio
import csv
import io
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import httpx

from resolvers.caller import Caller, Role
from resolvers.files import export as csv_export
from resolvers.files.columns import COLUMNS
from resolvers.imports import jobs
from resolvers.imports.options import Options
from resolvers.imports.runner import run_one
from runtime import tuning
from storage import migrations
from storage.changes import Author
from storage.documents import Document
from storage.driver import Database, connect
from storage.embedded.mongod import embedded
from storage.lists.indexes import CONTACT_INDEXES, LIST_INDEX
from storage.lists.pages import Ordering, Window
from storage.lists.selection import Selection
from tests.support import dataset
from tests.support.processes import free_port, resident_mb, running

T = TypeVar("T")

BATCH = 1_000
BY_NAME = Ordering("keys.name")


class Table:
    """A table of results, printed row by row."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._mongod = 0
        self._rates: dict[str, float] = {}
        self._spent = (0.0, 0.0)
        print(f"{'':30} {'seconds':>8} {'rows/s':>9} {'own µs':>7} {'mongod':>7}  ratio")

    def add(self, name: str, seconds: float, to: str | None = None) -> None:
        """Print a measured time, its rate as a ratio to another one, and the CPU time per row here and in mongod."""
        spent, self._spent = self._spent, self._processor()
        own, mongod = ((now - then) / self.rows * 1e6 for then, now in zip(spent, self._spent, strict=True))
        self._rates[name] = rate = self.rows / seconds
        ratio = f"{rate / self._rates[to]:5.2f} of {to}" if to else ""
        print(f"{name:30} {seconds:8.2f} {rate:9,.0f} {own:7.0f} {mongod:7.0f}  {ratio}", flush=True)

    def watch(self, place: Path) -> None:
        """Start counting, with the mongod whose data are in this folder."""
        self._mongod = int((place / "data" / "db" / "mongod.lock").read_text())
        self._spent = self._processor()

    def _processor(self) -> tuple[float, float]:
        """The CPU seconds that this process and mongod have used."""
        fields = Path(f"/proc/{self._mongod}/stat").read_text().rpartition(")")[2].split()
        return time.process_time(), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def write_csv(path: Path, contacts: Iterable[Document], groups: dict[str, str]) -> None:
    """Write the contacts to a file with all columns."""
    by_id: dict[str, str] = {}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for contact in contacts:
            by_id[contact["_id"]] = contact["emailAddress"]
            writer.writerow(_row(contact, by_id, groups))


def _row(contact: Document, addresses: dict[str, str], groups: dict[str, str]) -> list[str]:
    found = []
    for field in COLUMNS.values():
        name, _, part = field.partition(".")
        match field:
            case "showInGal":
                found.append("true" if contact["gal"] == "VISIBLE" else "false")
            case "aliases":
                found.append(";".join(contact.get("aliases", ())))
            case "manager":
                found.append(addresses.get(contact.get("managerId", ""), ""))
            case "source":
                found.append("Cloud")
            case "groups":
                found.append(";".join(groups[each] for each in contact.get("groupIds", ())))
            case _:
                found.append(contact.get(name, {}).get(part, "") if part else contact.get(name, ""))
    return found


async def pieces(path: Path) -> AsyncGenerator[bytes]:
    """A file in pieces, as in an upload."""
    with path.open("rb") as file:
        while piece := file.read(1 << 16):
            yield piece


async def bare_insert(db: Database, contacts: list[Document]) -> float:
    """Seconds to insert complete documents into a collection with the same indexes."""
    bare = db.mongo["bare"]
    await bare.create_indexes(CONTACT_INDEXES)
    started = time.perf_counter()
    for start in range(0, len(contacts), BATCH):
        await bare.insert_many(contacts[start : start + BATCH])
    return time.perf_counter() - started


async def import_file(caller: Caller, path: Path, **options: object) -> float:
    """Seconds to import a file, from the first byte of the upload to the end of the job."""
    started = time.perf_counter()
    job, scanned = await jobs.start_csv(caller, pieces(path), Options(**options))  # type: ignore[arg-type]  # as each call gives them
    await run_one(caller, job["_id"], scanned)
    seconds = time.perf_counter() - started
    job = await jobs.present(caller, job["_id"])
    assert job["status"] == "SUCCEEDED", job
    if job["failed"]:
        page = await jobs.list_problems(caller, job["_id"], Window(3))
        print(job["failed"], "failed:", [each["message"] for each in page.documents])
    return seconds


async def export(caller: Caller) -> float:
    """Seconds to export everything."""
    started = time.perf_counter()
    size = 0
    async with aclosing(await csv_export.export(caller, Selection(), BY_NAME)) as found:
        async for piece in found:
            size += len(piece)
    assert size
    return time.perf_counter() - started


async def bare_export(db: Database) -> float:
    """Seconds to read everything in the same order with a bare cursor and write it with `csv.writer`."""
    started = time.perf_counter()
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    names = [name for name in {field.partition(".")[0] for field in COLUMNS.values()} if name != "groups"]
    cursor = db.contacts.find(
        {"source": "CLOUD", "gal": {"$in": ["VISIBLE", "HIDDEN"]}},
        [*names, "gal", "managerId", "groupIds"],
        sort=[("keys.name", 1)],
        hint=LIST_INDEX["keys.name"],
        batch_size=BATCH,
    )
    async for contact in cursor:
        writer.writerow([contact.get(name) for name in names])
    return time.perf_counter() - started


async def compare_insertion(uri: str, table: Table, place: Path) -> None:
    """Measure the speed that imports are compared with."""
    db = connect(uri, "bench", "motor")
    contacts = list(dataset.contacts(table.rows))
    table.watch(place)
    table.add("insert_many, same indexes", await bare_insert(db, contacts))
    await db.close()


async def compare_rest(uri: str, table: Table, place: Path) -> None:
    """Measure all other speeds, with what they are compared with."""
    db = connect(uri, "bench", "motor")
    await migrations.prepare(db)
    caller = Caller(db, Author("bench", "cli"), Role.ADMIN)
    path = place / "contacts.csv"
    write_csv(path, dataset.contacts(table.rows), await make_groups(db))
    table.watch(place)
    table.add("dry run", await import_file(caller, path, dry_run=True), "insert_many, same indexes")
    table.add("import", await import_file(caller, path), "insert_many, same indexes")
    table.add("the same again, SKIP", await import_file(caller, path), "import")
    table.add("the same again, UPDATE", await import_file(caller, path, on_match="UPDATE"), "import")
    table.add("dry run of the same, UPDATE", await import_file(caller, path, on_match="UPDATE", dry_run=True), "import")
    table.add("cursor and csv.writer", await bare_export(db))
    table.add("export", await export(caller), "cursor and csv.writer")
    await db.close()


_UPLOAD = """
import http.client, sys
service = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
service.request("POST", "/api/identity/contacts/bulk", open(sys.argv[2], "rb"), {"Content-Type": "text/csv"})
answer = service.getresponse()
print(answer.status, answer.read().decode()[:500])
"""
_LIST = "{ contacts(first: 50) { nodes { id displayName emailAddress company jobTitle } totalCount } }"
_LISTS = (("POST", "/graphql", {"query": _LIST}), ("GET", "/api/identity/contacts?limit=50", None))
_DOWNLOAD = """
import http.client, sys
service = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
service.request("GET", "/api/identity/contacts/export")
answer = service.getresponse()
size = 0
while piece := answer.read(1 << 16):
    size += len(piece)
print(answer.status, size, "bytes")
"""


async def watch(client: httpx.AsyncClient, pid: int, running: "asyncio.Task[float]") -> tuple[list[list[float]], float]:
    """Until a task ends, the times of lists over GraphQL and REST, in ms, and the service's peak memory, in MB."""
    times: list[list[float]] = [[], []]
    most = resident_mb(pid)
    while not running.done():
        for found, (method, path, body) in zip(times, _LISTS, strict=True):
            started = time.perf_counter()
            (await client.request(method, path, json=body)).raise_for_status()
            found.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(0.02)
        most = max(most, resident_mb(pid))
    return times, most


async def elsewhere(program: str, *arguments: str) -> float:
    """The seconds that a program takes in its own process."""
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, *arguments)
    assert await process.wait() == 0
    return time.perf_counter() - started


def p95(times: list[list[float]], idle: list[list[float]] | None = None) -> str:
    """The 95th percentiles over GraphQL and REST, and their ratios to the idle ones, as text."""
    found = [sorted(each)[int(len(each) * 0.95)] for each in times]
    text = f"lists p95 {found[0]:.1f} and {found[1]:.1f} ms"
    if idle:
        still = [sorted(each)[int(len(each) * 0.95)] for each in idle]
        text += f" = {found[0] / still[0]:.1f} and {found[1] / still[1]:.1f} times the idle ones"
    return text


async def endure(uri: str, rows: int, directory_of_files: Path) -> None:
    """Measure the service's memory, and the times of lists, during a long import and export.

    The service, the upload and the lists have their own processes, and lists are requested over HTTP.
    """
    db = connect(uri, "bench", "motor")
    await migrations.prepare(db)
    groups = await make_groups(db)
    path = directory_of_files / "contacts.csv"
    port = str(free_port())
    command = [sys.executable, "-c", "import cli; cli.main()", "serve", "--port", port]
    environment = {"CONTACTS_MONGODB_URI": uri, "CONTACTS_DATABASE": "bench", "CONTACTS_MAX_IMPORT_BYTES": str(2**40)}
    with running(command, environment, int(port), Path(__file__).parents[1]) as pid:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=None) as client:
            write_csv(path, dataset.contacts(2_000), groups)
            await elsewhere(_UPLOAD, port, str(path))
            idle, before = await watch(client, pid, asyncio.create_task(asyncio.sleep(10, 0.0)))
            print(f"idle: {p95(idle)}, memory {before:.0f} MB", flush=True)
            await asyncio.to_thread(write_csv, path, dataset.contacts(rows), groups)
            for name, work in (("import", elsewhere(_UPLOAD, port, str(path))), ("export", elsewhere(_DOWNLOAD, port))):
                task = asyncio.create_task(work)
                times, most = await watch(client, pid, task)
                seconds = await task
                print(
                    f"{name} of {rows:,}: {seconds:.0f} s, {rows / seconds:,.0f} rows/s, memory +{most - before:.0f} "
                    f"MB, {p95(times, idle)}",
                    flush=True,
                )
    await db.close()


async def make_groups(db: Database) -> dict[str, str]:
    """Create groups, and return their names by ID."""
    groups = dataset.groups()
    await db.groups.insert_many(groups)
    await db.claims.insert_many(
        [{"_id": f"smtp:{each['emailAddress']}", "holder": each["_id"], "kind": "group"} for each in groups]
    )
    return {each["_id"]: each["displayName"] for each in groups}


def main() -> None:
    """Run the benchmark that the command line selects."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=int, nargs="?", default=100_000)
    parser.add_argument(
        "--endure", action="store_true", help="measure memory and the effect on other users instead of speed"
    )
    arguments = parser.parse_args()
    tuning.tune()
    if arguments.endure:
        with_server(endure, arguments.rows)
    else:
        table = Table(arguments.rows)
        with_server(compare_insertion, table)
        with_server(compare_rest, table)


def with_server(measure: Callable[[str, T, Path], Coroutine[None, None, None]], what: T) -> None:
    """Measure on a mongod with a new data directory, `data` in the folder of the files."""
    with TemporaryDirectory() as place, embedded(Path(place) / "data", exclusive=True) as uri:
        asyncio.run(measure(uri, what, Path(place)))


if __name__ == "__main__":
    main()
