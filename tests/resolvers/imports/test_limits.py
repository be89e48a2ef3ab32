"""Imports of files that try to exhaust memory, time or the size of documents."""

import tracemalloc

import pytest

from resolvers.caller import Caller
from tests.support.importing import HEADER, counts, import_csv, import_rows, problems_of
from tests.support.people import person

LONG = 100_000


@pytest.mark.parametrize("entry", ["a{}@b.example", "a{}", "é{}@é.example"])
async def test_cells_with_countless_aliases(caller: Caller, entry: str) -> None:
    """A row with too many aliases fails. Its aliases are neither stored nor looked up."""
    cell = ""
    number = 0
    while len(cell) < LONG:
        cell += entry.format(number) + ";"
        number += 1
    rows = "".join(f"P,p{n}@a.example,P,Li,,,,{cell.replace('b.', f'b{n}.')}\n" for n in range(20))
    tracemalloc.start()
    job = await import_csv(caller, f"{HEADER},Aliases\n{rows}")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert counts(job) == {"failed": 20}
    assert {code for _, _, code in await problems_of(caller, job)} <= {"TOO_MANY", "DUPLICATE_ROW"}
    assert peak < 60_000_000


async def test_objects_with_countless_aliases(caller: Caller) -> None:
    """The same applies to rows that are objects, and to groups."""
    aliases = [f"a{n}@b.example" for n in range(8_000)]
    rows = [{**person("Ana Li"), "aliases": aliases}, {**person("Ben Li"), "groups": [f"g{n}" for n in range(8_000)]}]
    job = await import_rows(caller, rows)
    assert await problems_of(caller, job) == [(1, "aliases", "TOO_MANY"), (2, "groups", "TOO_MANY")]


async def test_addresses_that_are_too_long(caller: Caller) -> None:
    """An address that is far too long fails without a lookup, also for a manager or a group."""
    long = "ü" * 100_000 + "@ü.example"
    text = f"{HEADER},Manager,Groups\nA,{long},A,L,,,,,\nB,b@a.example,B,L,,,,{long},\nC,c@a.example,C,L,,,,,{long}\n"
    job = await import_csv(caller, text)
    codes = [code for _, _, code in await problems_of(caller, job)]
    assert codes == ["TOO_LONG", "MANAGER_NOT_FOUND", "GROUP_NOT_FOUND"]
