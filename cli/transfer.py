"""Imports and exports of files on the command line, with progress, speed and remaining time."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from resolvers.caller import Caller
from resolvers.contacts import count_contacts
from resolvers.files import export
from resolvers.imports import failed_rows, jobs, report
from resolvers.imports.options import Options
from resolvers.imports.runner import run_one
from storage.documents import Document
from storage.lists.pages import Ordering, Window
from storage.lists.selection import Selection

_PIECE = 1 << 18
_POLL_SECONDS = 0.2
_SHOWN_PROBLEMS = 20
_SHOWN_OUTCOMES = 20
_DOING = {"PREVIEW": "Checking", "WRITE": "Importing", "ROLL_BACK": "Rolling back", "UNDO": "Undoing"}
_COUNTS = ("created", "updated", "unchanged", "skipped", "failed")


class _Rate(ProgressColumn):
    """Rows per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} rows/s" if task.speed else "", style="cyan")


@dataclass(frozen=True, slots=True)
class Reports:
    """Files to write the failed rows and the outcomes of all rows to, if any, and whether with a byte-order mark."""

    failed: Path | None = None
    outcomes: Path | None = None
    bom: bool = False


async def import_file(caller: Caller, source: BinaryIO, options: Options, reports: Reports) -> int:
    """Import a file and show progress. Returns the program's exit code: 0 if no row failed.

    Ctrl+C cancels the import; rows already imported are kept. Raises `ImportUnreadable`.
    """
    console = Console(stderr=True)
    job, scanned = await jobs.start_csv(caller, _pieces(source), options)
    console.print(_detected(job), highlight=False)
    with _interruptible(caller, job):
        running = asyncio.create_task(run_one(caller, job["_id"], scanned))
        job = await _follow(caller, job, console)
        await running
    await _report(caller, job, console, reports)
    return 0 if job["status"] == "SUCCEEDED" and not job["failed"] else 1


async def export_file(
    caller: Caller,
    path: Path,
    selection: Selection,
    ordering: Ordering,
    columns: Sequence[str],
    *,
    bom: bool = False,
) -> None:
    """Write the selected contacts as CSV and show progress."""
    total = await count_contacts(caller, selection)
    bar = _bar(Console(stderr=True))
    pieces = await export.export(caller, selection, ordering, columns, bom=bom)
    with written(path) as target, bar:
        task = bar.add_task("Exporting", total=total)
        async with aclosing(pieces):
            await asyncio.to_thread(target.write, await anext(pieces))
            done = 0
            async for piece in pieces:
                await asyncio.to_thread(target.write, piece)
                done = min(done + export.BATCH, total)
                bar.update(task, completed=done)


async def _pieces(source: BinaryIO) -> AsyncGenerator[bytes]:
    while piece := await asyncio.to_thread(source.read, _PIECE):
        yield piece


async def _follow(caller: Caller, job: Document, console: Console) -> Document:
    """Show the progress of the job until it ends."""
    with _bar(console, TextColumn("{task.fields[failed]} failed")) as bar:
        task = bar.add_task("Importing", total=job["rows"], failed=0)
        while job["finishedAt"] is None:
            await asyncio.sleep(_POLL_SECONDS)
            job = await jobs.present(caller, job["_id"])
            done = job["undone"] + job["notUndone"] if job["phase"] == "ROLL_BACK" else job["processed"]
            bar.update(task, description=_DOING[job["phase"]], completed=done, failed=job["failed"])
    return job


def _bar(console: Console, *more: ProgressColumn) -> Progress:
    return Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        *more,
        console=console,
        transient=True,
    )


@contextmanager
def _interruptible(caller: Caller, job: Document) -> Iterator[None]:
    """Make Ctrl+C cancel the job instead of killing it."""
    loop = asyncio.get_running_loop()
    cancelling: list[asyncio.Task[Document]] = []

    def cancel() -> None:
        cancelling.append(asyncio.create_task(jobs.cancel(caller, job["_id"])))

    with suppress(NotImplementedError):  # Windows
        loop.add_signal_handler(signal.SIGINT, cancel)
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)


def _detected(job: Document) -> str:
    """What was detected in the file."""
    delimiter = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}[job["delimiter"]]
    ignored = f"; ignored columns: {', '.join(job['unknownColumns'])}" if job["unknownColumns"] else ""
    return f"{job['rows']:,} rows, {job['encoding']}, delimiter {delimiter}{ignored}"


async def _report(caller: Caller, job: Document, console: Console, reports: Reports) -> None:
    counts = ", ".join(f"{job[name]:,} {name}" for name in _COUNTS if job[name]) or "nothing to do"
    seconds = (job["finishedAt"] - job["startedAt"]).total_seconds()
    kind = "Dry run" if job["dryRun"] else "Import"
    print(f"{kind} {job['_id']} {job['status'].lower()}: {counts} ({seconds:.1f} s)")
    if job["message"]:
        print(job["message"])
    if job["dryRun"]:
        await _print_outcomes(caller, job)
    page = await jobs.list_problems(caller, job["_id"], Window(_SHOWN_PROBLEMS))
    for problem in page.documents:
        column = f" {problem['column']}" if problem["column"] else ""
        print(f"  line {problem['line']}{column}: {problem['code']}: {problem['message']}")
    if page.has_next:
        print("  … and more")
    if reports.failed and page.documents:
        await _write(reports.failed, failed_rows.failed_rows(caller, job, bom=reports.bom))
        console.print(f"Failed rows are in {reports.failed}. Correct them and import that file.", highlight=False)
    if reports.outcomes:
        await _write(reports.outcomes, report.report(caller, job, bom=reports.bom))
        console.print(f"The outcomes of all rows are in {reports.outcomes}.", highlight=False)


async def _print_outcomes(caller: Caller, job: Document) -> None:
    """Print the outcomes of the first rows of a dry run. The problems of failed rows are printed separately."""
    page = await jobs.list_outcomes(caller, job["_id"], Window(_SHOWN_OUTCOMES))
    for row in page.documents:
        changes = report.changes(row)
        print(
            f"  line {row['line']} {row['action'].lower()}: {row['emailAddress']}{f' ({changes})' if changes else ''}"
        )
    if page.has_next:
        print("  … and more. To write all of them to a file, use --report.")


async def _write(path: Path, pieces: AsyncGenerator[bytes]) -> None:
    with written(path) as target:
        async with aclosing(pieces):
            async for piece in pieces:
                await asyncio.to_thread(target.write, piece)


def open_source(path: Path) -> BinaryIO:
    """A file to read. `-` is standard input."""
    return sys.stdin.buffer if str(path) == "-" else path.open("rb")


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which replaces an existing one when the block succeeds. `-` is standard output.

    A block that fails leaves nothing behind.
    """
    if str(path) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.exists() and not path.is_file():  # a device, or a pipe to another program
        with path.open("wb") as device:
            yield device
        return
    path = path.resolve()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("xb") as file:
            yield file
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
