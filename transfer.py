"""Files in and out, on the command line: with how far it is, how fast, and how long it will take."""

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    FileSizeColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from resolvers import csv_export, import_failures, import_jobs
from resolvers.contacts import count_contacts
from resolvers.directory import Directory
from resolvers.import_jobs import Options
from resolvers.import_runner import run_one
from storage.documents import Document
from storage.pages import Ordering, Window
from storage.selection import Selection

_PIECE = 1 << 18
_POLL_SECONDS = 0.2
_SHOWN_PROBLEMS = 20
_COUNTS = ("created", "updated", "unchanged", "skipped", "failed")


class _Rate(ProgressColumn):
    """Rows a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} rows/s" if task.speed else "", style="cyan")


async def import_file(directory: Directory, source: BinaryIO, options: Options, failed: Path | None) -> int:
    """Import a file and tell how it goes. Returns the program's exit code: 0 if every row was good.

    Raises `ImportUnreadable`. Interrupted (Ctrl+C), it cancels the import, which keeps what it did.
    """
    console = Console(stderr=True)
    job, scanned = await import_jobs.start_csv(directory, _pieces(source), options)
    console.print(_told(job), highlight=False)
    with _interruptible(directory, job):
        running = asyncio.create_task(run_one(directory, job["_id"], scanned))
        job = await _follow(directory, job, console)
        await running
    await _report(directory, job, console, failed)
    return 0 if job["status"] == "SUCCEEDED" and not job["failed"] else 1


async def export_file(
    directory: Directory, target: BinaryIO, selection: Selection, ordering: Ordering, columns: Sequence[str]
) -> None:
    """Write the selected contacts as CSV and tell how it goes."""
    total = await count_contacts(directory, selection)
    bar = Progress(
        SpinnerColumn(),
        TextColumn(f"Exporting {total:,} contacts"),
        FileSizeColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task("export", total=None)
        async with aclosing(csv_export.export(directory, selection, ordering, columns)) as pieces:
            async for piece in pieces:
                await asyncio.to_thread(target.write, piece)
                bar.advance(task, len(piece))
    target.flush()


async def _pieces(source: BinaryIO) -> AsyncGenerator[bytes]:
    while piece := await asyncio.to_thread(source.read, _PIECE):
        yield piece


async def _follow(directory: Directory, job: Document, console: Console) -> Document:
    """Show how far the job is until it ends."""
    bar = Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]} refused"),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("Importing", total=job["rows"], failed=0)
        while job["finishedAt"] is None:
            await asyncio.sleep(_POLL_SECONDS)
            job = await import_jobs.present(directory, job["_id"])
            doing = "Checking" if job["phase"] == "PREVIEW" else "Importing"
            bar.update(task, description=doing, completed=job["processed"], failed=job["failed"])
    return job


@contextmanager
def _interruptible(directory: Directory, job: Document) -> Iterator[None]:
    """Make Ctrl+C cancel the job instead of killing it."""
    loop = asyncio.get_running_loop()
    cancelling: list[asyncio.Task[Document]] = []

    def cancel() -> None:
        cancelling.append(asyncio.create_task(import_jobs.cancel(directory, job["_id"])))

    with suppress(NotImplementedError):  # Windows
        loop.add_signal_handler(signal.SIGINT, cancel)
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)


def _told(job: Document) -> str:
    """What was detected."""
    delimiter = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}[job["delimiter"]]
    ignored = f"; not read: {', '.join(job['unknownColumns'])}" if job["unknownColumns"] else ""
    return f"{job['rows']:,} rows, {job['encoding']}, delimiter {delimiter}{ignored}"


async def _report(directory: Directory, job: Document, console: Console, failed: Path | None) -> None:
    counts = ", ".join(f"{job[name]:,} {name}" for name in _COUNTS if job[name]) or "nothing to do"
    seconds = (job["finishedAt"] - job["startedAt"]).total_seconds()
    kind = "Dry run" if job["dryRun"] else "Import"
    print(f"{kind} {job['_id']} {job['status'].lower()}: {counts} ({seconds:.1f} s)")
    if job["message"]:
        print(job["message"])
    page = await import_jobs.list_problems(directory, job["_id"], Window(_SHOWN_PROBLEMS))
    for problem in page.documents:
        column = f" {problem['column']}" if problem["column"] else ""
        print(f"  line {problem['line']}{column}: {problem['code']}: {problem['message']}")
    if page.has_next:
        print("  … and more")
    if failed and page.documents:
        with failed.open("wb") as file:
            async for piece in import_failures.failed_rows(directory, job):
                file.write(piece)
        console.print(f"The refused rows are in {failed}: mend them and import that file.", highlight=False)


def open_source(path: Path) -> BinaryIO:
    """A file to read; `-` is standard input."""
    return sys.stdin.buffer if str(path) == "-" else path.open("rb")


def open_target(path: Path) -> BinaryIO:
    """A file to write; `-` is standard output."""
    return sys.stdout.buffer if str(path) == "-" else path.open("wb")
