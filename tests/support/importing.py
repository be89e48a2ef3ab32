"""Helpers for tests of imports: import a file in one call."""

from collections.abc import AsyncIterator, Callable, Sequence

from resolvers import contacts
from resolvers.caller import Caller
from resolvers.imports import jobs
from resolvers.imports import jobs as import_jobs
from resolvers.imports.options import Options
from resolvers.imports.runner import run_one
from storage import imports
from storage.documents import Document
from storage.lists.selection import Selection
from tests.support import waiting

HEADER = "DisplayName,EmailAddress,FirstName,LastName,Company,JobTitle,BusinessPhone"
FULL = f"{HEADER},Aliases,Manager,Groups,ShowInGAL"


def row(name: str, address: str, *more: str) -> str:
    """A row under `FULL`: aliases, manager, groups and GAL flag after the seven documented columns."""
    first, _, last = name.partition(" ")
    return ",".join([name, address, first, last or "Li", "Acme", "", "", *more, *[""] * (4 - len(more))])


def table(*rows: str) -> str:
    """A file with these rows."""
    return "\n".join([FULL, *rows, ""])


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    """The bytes of a file, as in an upload."""
    for start in range(0, len(data), 1 << 16):
        yield data[start : start + (1 << 16)]


async def made(caller: Caller, text: str, **options: object) -> Document:
    """A job that hasn't been started yet."""
    job, _ = await import_jobs.start_csv(caller, chunks(text.encode()), Options(**options))  # type: ignore[arg-type]  # each test sets different ones
    return job


async def import_csv(caller: Caller, text: str | bytes, **options: object) -> Document:
    """Import a file and return the finished job."""
    data = text.encode() if isinstance(text, str) else text
    job, scanned = await jobs.start_csv(caller, chunks(data), Options(**options))  # type: ignore[arg-type]  # each test sets different ones
    await run_one(caller, job["_id"], scanned)
    return await job_of(caller, job)


async def import_rows(caller: Caller, rows: Sequence[object], **options: object) -> Document:
    """Import rows and return the finished job."""
    job, scanned = await jobs.start_rows(caller, rows, Options(**options))  # type: ignore[arg-type]  # each test sets different ones
    await run_one(caller, job["_id"], scanned)
    return await job_of(caller, job)


async def undo(caller: Caller, job: Document) -> Document:
    """Undo an import and return the job."""
    await import_jobs.undo(caller, job["_id"])
    await run_one(caller, job["_id"])
    return await job_of(caller, job)


async def job_of(caller: Caller, job: Document) -> Document:
    """The current job."""
    found = await jobs.get(caller, job["_id"])
    assert found
    return found


async def until(condition: Callable[[Document], bool], caller: Caller, job: Document) -> Document:
    """Wait until the job meets a condition, and return it."""
    return await waiting.until(lambda: job_of(caller, job), condition)


async def problems_of(caller: Caller, job: Document) -> list[tuple[int, str | None, str]]:
    """The line, column and code of each problem of the job."""
    return [
        (each["line"] or each["row"], each["column"], each["code"])
        async for each in imports.all_problems(caller.db, job["_id"])
    ]


async def outcomes_of(caller: Caller, job: Document) -> list[Document]:
    """The outcome of each row, in the order of the rows."""
    rows = [row async for chunk in imports.outcomes(caller.db, job["_id"]) for row in chunk["rows"]]
    return sorted(rows, key=lambda row: int(row["row"]))


def counts(job: Document) -> dict[str, int]:
    """The counts of the job that aren't zero."""
    names = ("created", "updated", "unchanged", "skipped", "failed")
    return {name: job[name] for name in names if job[name]}


async def found(caller: Caller, address: str) -> Document:
    """The contact with this address, which must exist."""
    contact = await contacts.contact_by_address(caller, address)
    assert contact
    return contact


async def total(caller: Caller) -> int:
    """The number of contacts."""
    return await contacts.count_contacts(caller, Selection())
