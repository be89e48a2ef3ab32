"""What the tests of imports share: a file imported in one call."""

from collections.abc import AsyncIterator, Callable, Sequence

from resolvers import contacts
from resolvers.caller import Caller
from resolvers.imports import jobs
from resolvers.imports import jobs as import_jobs
from resolvers.imports.jobs import Options
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
    """A file of such rows."""
    return "\n".join([FULL, *rows, ""])


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    """The bytes of a file as an upload brings them."""
    for start in range(0, len(data), 1 << 16):
        yield data[start : start + (1 << 16)]


async def made(caller: Caller, text: str, **options: object) -> Document:
    """A job that nobody works on yet."""
    job, _ = await import_jobs.start_csv(caller, chunks(text.encode()), Options(**options))  # type: ignore[arg-type]  # what each test varies
    return job


async def import_csv(caller: Caller, text: str | bytes, **options: object) -> Document:
    """Import a file and return the finished job."""
    data = text.encode() if isinstance(text, str) else text
    job, scanned = await jobs.start_csv(caller, chunks(data), Options(**options))  # type: ignore[arg-type]  # what each test varies
    await run_one(caller, job["_id"], scanned)
    return await job_of(caller, job)


async def import_rows(caller: Caller, rows: Sequence[object], **options: object) -> Document:
    """Import rows and return the finished job."""
    job, scanned = await jobs.start_rows(caller, rows, Options(**options))  # type: ignore[arg-type]  # what each test varies
    await run_one(caller, job["_id"], scanned)
    return await job_of(caller, job)


async def undo(caller: Caller, job: Document) -> Document:
    """Undo an import and return the job as it is then."""
    await import_jobs.undo(caller, job["_id"])
    await run_one(caller, job["_id"])
    return await job_of(caller, job)


async def job_of(caller: Caller, job: Document) -> Document:
    """The job as it is now."""
    found = await jobs.get(caller, job["_id"])
    assert found
    return found


async def until(condition: Callable[[Document], bool], caller: Caller, job: Document) -> Document:
    """The job as soon as it is so."""
    return await waiting.until(lambda: job_of(caller, job), condition)


async def problems_of(caller: Caller, job: Document) -> list[tuple[int, str | None, str]]:
    """The line, column and code of each of its problems."""
    return [
        (each["line"] or each["row"], each["column"], each["code"])
        async for each in imports.all_problems(caller.db, job["_id"])
    ]


async def outcomes_of(caller: Caller, job: Document) -> list[Document]:
    """What became of each row, in the order of the rows."""
    rows = [row async for chunk in imports.outcomes(caller.db, job["_id"]) for row in chunk["rows"]]
    return sorted(rows, key=lambda row: int(row["row"]))


def counts(job: Document) -> dict[str, int]:
    """The job's counts that are not zero."""
    names = ("created", "updated", "unchanged", "skipped", "failed")
    return {name: job[name] for name in names if job[name]}


async def found(caller: Caller, address: str) -> Document:
    """The contact with this address, which must exist."""
    contact = await contacts.contact_by_address(caller, address)
    assert contact
    return contact


async def total(caller: Caller) -> int:
    """How many contacts there are."""
    return await contacts.count_contacts(caller, Selection())
