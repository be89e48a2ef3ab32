"""The same requests with 10,000 and with 1,000,000 contacts: `python -m bench.scale [SMALL LARGE]`. See README.md.

Each request calls the service's resolvers, without HTTP, on both databases in turn, so that changes in the machine's
speed affect both alike. The difference is the effect of the number of contacts on MongoDB and the driver.
"""

import asyncio
import itertools
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

from resolvers import contacts
from resolvers import statistics as dashboard
from resolvers.caller import Caller, Role
from storage.changes import Author
from storage.documents import Document
from storage.driver import connect
from storage.embedded.mongod import embedded
from storage.lists import pages
from storage.lists.indexes import ORDERINGS
from storage.lists.pages import Ordering, Window
from storage.lists.selection import Selection
from tests.support import dataset

Request = Callable[[Caller], Awaitable[object]]

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "40"))
WARM = 3
SAMPLE = 2_000
FIELDS = ["displayName", "emailAddress", "company", "source", "gal"]
NAME = Ordering("keys.name")
FILTERS = {
    "all": Selection(),
    "synced": Selection(source="SYNCED"),
    "cloud": Selection(source="CLOUD"),
    "hidden": Selection(gal="HIDDEN"),
    "cloud, visible": Selection(source="CLOUD", gal="VISIBLE"),
    "company": Selection(company="company 1"),
    "department": Selection(department="Sales"),
    "country, synced": Selection(country="Norway", source="SYNCED"),
}
SEARCHES = {
    "rare word": "contact7777@",
    "common word": "ana",
    "rare and common": "company contact7777@",
    "two common": "ana smith",
    "two that never meet": "ana bram",
}
_numbers = itertools.count(int(time.time() * 1000))


async def requests(caller: Caller) -> dict[str, Request]:
    """The requests to measure, by name. Pages in the middle of lists are found with this caller's database."""
    made: dict[str, Request] = {}
    sample = await sampled(caller)
    for (name, selection), field in itertools.product(FILTERS.items(), ORDERINGS):
        ordering = Ordering(field, descending=field == "keys.updated")
        by = field.removeprefix("keys.")
        made[f"list {name}, by {by}"] = listing(selection, ordering, Window(50))
        made[f"list {name}, by {by}, halfway"] = listing(
            selection, ordering, Window(50, after=halfway(sample, selection, ordering))
        )
    for name, text in SEARCHES.items():
        made[f"search {name}"] = listing(Selection(search=text), NAME, Window(50))
    for name in ("all", "synced", "hidden"):
        made[f"count {name}"] = counting(FILTERS[name])
    return made | {"statistics": dashboard.contact_stats, "create": create, "update": update}


def listing(selection: Selection, ordering: Ordering, window: Window) -> Request:
    """The request for a page."""
    return lambda caller: contacts.list_contacts(caller, selection, ordering, window, FIELDS)


def counting(selection: Selection) -> Request:
    """The request for a total."""
    return lambda caller: contacts.count_contacts(caller, selection)


async def sampled(caller: Caller) -> list[Document]:
    """Random contacts from the whole directory."""
    total = await caller.db.contacts.estimated_document_count()
    ids = [dataset.identifier(number) for number in random.Random(3).sample(range(total), SAMPLE)]
    return list((await contacts.get_contacts(caller, ids, ["source", "gal", "keys"])).values())


def halfway(sample: list[Document], selection: Selection, ordering: Ordering) -> str:
    """The key in the middle of a list, estimated with the sample."""
    keys = sorted(pages.key(each, ordering) for each in sample if selection.matches(each))
    return keys[len(keys) // 2]


async def create(caller: Caller) -> object:
    """Create a contact."""
    address = f"made{next(_numbers)}@bench.example"
    fields = {"displayName": "Made Here", "firstName": "Made", "lastName": "Here", "emailAddress": address}
    return await contacts.create_contact(caller, fields)


async def update(caller: Caller) -> object:
    """Update a cloud-only contact."""
    found = None
    while found is None or found["source"] != "CLOUD":
        found = await contacts.get_contact(caller, dataset.identifier(next(_numbers) % 10_000))
    return await contacts.update_contact(caller, found["_id"], {"notes": f"changed {next(_numbers)}"})


async def measure(directories: list[Caller], made: list[dict[str, Request]]) -> None:
    """Run each request on both databases in turn, and print the times in milliseconds and their ratios."""
    columns = ("p50 small", "p50 large", "ratio", "p95 small", "p95 large", "ratio")
    print(f"{'milliseconds':<44}" + "".join(f"{column:>11}" for column in columns))
    for name in made[0]:
        small, large = await times(directories, [each[name] for each in made])
        figures = [small[9], large[9], large[9] / small[9], small[18], large[18], large[18] / small[18]]
        print(f"{name:<44}" + "".join(f"{figure:>11.2f}" for figure in figures), flush=True)


async def times(directories: list[Caller], made: list[Request]) -> list[list[float]]:
    """The times of a request on each database, in milliseconds, as 19 quantiles in steps of 5%."""
    taken: list[list[float]] = [[] for _ in directories]
    for round_ in range(ROUNDS + WARM):
        for place, caller in enumerate(directories):
            started = time.perf_counter()
            await made[place](caller)
            if round_ >= WARM:
                taken[place].append(1000 * (time.perf_counter() - started))
    return [statistics.quantiles(each, n=20) for each in taken]


async def run(uri: str, counts: list[int]) -> None:
    """Measure on databases of these sizes."""
    databases = [connect(uri, f"bench-{count}", "pymongo") for count in counts]
    directories = [Caller(db, Author("bench", "cli"), Role.ADMIN) for db in databases]
    await measure(directories, [await requests(caller) for caller in directories])
    for db in databases:
        await db.close()


def main() -> None:
    """Fill both databases, if they do not exist yet, and measure."""
    counts = [int(each) for each in sys.argv[1:]] or [10_000, 1_000_000]
    with ExitStack() as stack:
        data = Path(tempfile.gettempdir(), f"contacts-bench-{os.getuid()}")
        uri = os.environ.get("BENCH_URI") or stack.enter_context(embedded(data, exclusive=True, cache_gb=2))
        for count in counts:
            dataset.fill(uri, f"bench-{count}", count)
        asyncio.run(run(uri, counts))


if __name__ == "__main__":
    main()
