"""An all-or-nothing import that stops leaves nothing behind; and contacts that an undo keeps."""

import asyncio
from collections.abc import Sequence

import pytest

from resolvers import contacts
from resolvers.caller import Caller
from resolvers.files.names import Names
from resolvers.groups import add_contacts, create_group
from resolvers.imports import jobs, results, source
from resolvers.imports.runner import run_one
from resolvers.imports.state import RowOutcome
from storage.documents import Document
from storage.lists.pages import Window
from storage.lists.selection import Selection
from tests.support.consistency import check
from tests.support.holding import held
from tests.support.importing import (
    HEADER,
    counts,
    found,
    import_csv,
    job_of,
    made,
    row,
    table,
    total,
    undo,
    until,
)
from tests.support.people import person

ROWS = 2_500
FILE = f"{HEADER}\n" + "".join(f"P {n},p{n}@a.example,P,{n},,,\n" for n in range(ROWS))


def fail_after(monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    """Make the import fail like after a defect when it has written this many batches."""
    keep, done = results.chunks, 0

    async def chunks(job: Document, step: int, outcomes: Sequence[RowOutcome], called: Names | None) -> list[Document]:
        nonlocal done
        if job["phase"] == "WRITE":
            done += 1
            if done > batches:
                raise RuntimeError("a defect")
        return await keep(job, step, outcomes, called)

    monkeypatch.setattr(results, "chunks", chunks)


async def test_all_or_nothing_after_a_defect(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under REJECT_ALL an internal error leaves nothing behind, not even in the recycle bin."""
    fail_after(monkeypatch, 1)
    job = await import_csv(caller, FILE, error_policy="REJECT_ALL")
    assert (job["status"], counts(job), await total(caller)) == ("FAILED", {}, 0)
    assert "The import was rolled back" in job["message"]
    assert await contacts.count_deleted(caller) == 0
    assert await caller.db.upload_chunks.count_documents({}) == 0
    await check(caller.db)


async def test_what_is_done_is_kept_after_a_defect(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the rows written so far are kept and counted."""
    fail_after(monkeypatch, 1)
    job = await import_csv(caller, FILE)
    assert (job["status"], counts(job), await total(caller)) == ("FAILED", {"created": 1_000}, 1_000)
    assert "are kept" in job["message"]


async def test_a_dry_run_ends_as_the_run_would(caller: Caller) -> None:
    """Under REJECT_ALL a dry run with an invalid row fails like a real run, with the same counts and message."""
    text = table(row("A", "a@a.example"), row("B", "nowhere"))
    ends = [await import_csv(caller, text, error_policy="REJECT_ALL", dry_run=dry) for dry in (True, False)]
    seen = [(job["status"], counts(job), job["message"], job["phase"]) for job in ends]
    assert seen[0] == seen[1]
    assert seen[0][:2] == ("FAILED", {"failed": 1})


async def test_cancelled_while_it_checks(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that is cancelled before anything is written reports no created contacts."""
    monkeypatch.setattr(source, "BATCH_ROWS", 10)  # so that hundreds of batches are left when it is cancelled
    job = await made(caller, FILE, error_policy="REJECT_ALL")
    running = asyncio.create_task(run_one(caller, job["_id"]))
    await until(lambda each: each["processed"] > 0, caller, job)
    await jobs.cancel(caller, job["_id"])
    await running
    job = await job_of(caller, job)
    assert (job["status"], job["phase"], counts(job), await total(caller)) == ("CANCELLED", "PREVIEW", {}, 0)


async def problems_of_undo(caller: Caller, job: Document) -> list[str]:
    page = await jobs.list_problems(caller, job["_id"], Window(50))
    return [each["message"] for each in page.documents if each["code"] == "CHANGED_SINCE"]


async def test_undo_leaves_new_members_and_managers(caller: Caller) -> None:
    """A created contact is kept if it was added to a group or became a manager after the import."""
    group = await create_group(caller, {"displayName": "Partners", "emailAddress": "partners@a.example"})
    job = await import_csv(
        caller,
        table(
            row("Ana", "ana@a.example", "", "", "Partners"),
            row("Ben", "ben@a.example"),
            row("Cy", "cy@a.example"),
            row("Di", "di@a.example", "", "cy@a.example"),
        ),
    )
    await add_contacts(caller, group["_id"], [(await found(caller, "ben@a.example"))["_id"]])
    boss = (await found(caller, "di@a.example"))["_id"]
    report = await contacts.create_contact(caller, person("Eve Li", managerId=boss))
    undone = await undo(caller, job)
    assert (undone["undone"], undone["notUndone"]) == (1, 3)
    ben, cy, di = await problems_of_undo(caller, job)
    assert "added to groups" in ben
    assert "Cy" in cy
    assert "manages Di" in cy
    assert "manages Eve Li" in di
    assert (await contacts.get_contact(caller, report["_id"]) or {})["managerId"] == boss
    assert await contacts.contact_by_address(caller, "ana@a.example") is None
    await check(caller.db)


async def test_undo_of_deleted_contacts(caller: Caller) -> None:
    """A contact that someone has deleted is not counted as undone and is reported by name."""
    job = await import_csv(caller, table(row("Ana", "ana@a.example"), row("Ben", "ben@a.example")))
    await contacts.delete_contact(caller, (await found(caller, "ana@a.example"))["_id"])
    undone = await undo(caller, job)
    assert (undone["undone"], undone["notUndone"]) == (1, 1)
    (message,) = await problems_of_undo(caller, job)
    assert message.startswith("Ana (")
    assert await contacts.count_contacts(caller, Selection()) == 0


async def test_rolling_back_keeps_changes_of_others(caller: Caller) -> None:
    """A contact that someone else changed before the rollback is kept, and the message says so."""
    job = await made(caller, FILE, error_policy="REJECT_ALL")
    async with held(caller.db, f"p{ROWS - 1}@a.example"):
        running = asyncio.create_task(run_one(caller, job["_id"]))
        await until(lambda each: each["phase"] == "WRITE" and each["created"] > 0, caller, job)
        await contacts.update_contact(caller, (await found(caller, "p0@a.example"))["_id"], {"company": "Acme"})
        await jobs.cancel(caller, job["_id"])
    await running
    job = await job_of(caller, job)
    assert (job["status"], job["notUndone"], await total(caller)) == ("CANCELLED", 1, 1)
    assert "changed them in the meantime: 1." in job["message"]


async def test_a_later_row_frees_an_alias(caller: Caller) -> None:
    """A row waits for a later row that removes the alias it needs. Importing the file again changes nothing."""
    await import_csv(caller, table(row("Ana", "ana@a.example", "x@a.example"), row("Ben", "ben@a.example")))
    text = table(row("Ben", "ben@a.example", "x@a.example"), row("Ana", "ana@a.example", "y@a.example"))
    for dry_run in (True, False):
        job = await import_csv(caller, text, on_match="UPDATE", dry_run=dry_run)
        assert counts(job) == {"updated": 2}
    assert counts(await import_csv(caller, text, on_match="UPDATE")) == {"unchanged": 2}
    await check(caller.db)


async def test_rows_that_wait_for_one_another(caller: Caller) -> None:
    """Two rows that would swap their aliases always fail."""
    await import_csv(
        caller, table(row("Ana", "ana@a.example", "x@a.example"), row("Ben", "ben@a.example", "y@a.example"))
    )
    text = table(row("Ana", "ana@a.example", "y@a.example"), row("Ben", "ben@a.example", "x@a.example"))
    for _ in range(2):
        assert counts(await import_csv(caller, text, on_match="UPDATE")) == {"failed": 2}


async def test_a_later_row_breaks_a_cycle(caller: Caller) -> None:
    """A row waits for a later row that removes a manager and thereby prevents a cycle."""
    await import_csv(caller, table(row("Ana", "ana@a.example"), row("Ben", "ben@a.example", "", "ana@a.example")))
    text = table(row("Ana", "ana@a.example", "", "ben@a.example"), row("Ben", "ben@a.example", "", "[clear]"))
    assert counts(await import_csv(caller, text, on_match="UPDATE")) == {"updated": 2}
    assert counts(await import_csv(caller, text, on_match="UPDATE")) == {"unchanged": 2}
    await check(caller.db)
