"""Import jobs: create, follow, cancel and undo them. `resolvers.imports.runner` runs them."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import orjson

from resolvers import audit_log
from resolvers.access import requires
from resolvers.caller import Caller, Role
from resolvers.errors import ImportNotUndoable, NotFound
from resolvers.events import Feed
from resolvers.files.reader import Format
from resolvers.files.text import Detector, blocks
from resolvers.idempotency import Hashed, complete, digest, once, recalling
from resolvers.imports.options import Options, new_job
from resolvers.imports.source import Scan, scan
from storage import imports, uploads
from storage.documents import Document, new_id
from storage.driver import Session
from storage.lists.pages import Page, Window

_UNDOABLE = ("SUCCEEDED", "FAILED", "CANCELLED")


async def _recall_job(caller: Caller, identifier: str) -> Document:
    return await present(caller, identifier)


async def _recall_start(caller: Caller, identifier: str) -> tuple[Document, Scan | None]:
    return await present(caller, identifier), None


@requires(Role.EDITOR, "IMPORT_CONTACTS")
async def start_csv(
    caller: Caller, file: AsyncIterable[bytes], options: Options | Callable[[], Options]
) -> tuple[Document, Scan | None]:
    """Store an uploaded CSV file and create the job that imports it. The job is then claimed and run.

    If `options` is a function, it is called when the whole file has arrived. Raises `ImportUnreadable` if the file
    isn't a table of contacts, and whatever `options` raises. Then nothing is stored. There is no scan of a job that an
    earlier request with the same idempotency key has created.
    """
    if caller.key is None:
        return await _store_csv(caller, file, options)
    content = Hashed(file)

    async def fingerprint() -> str:
        return digest(caller.action, await content.whole(), options if isinstance(options, Options) else options())

    return await once(caller, fingerprint, lambda claimed: _store_csv(claimed, content, options), _recall_start)


async def _store_csv(
    caller: Caller, file: AsyncIterable[bytes], options: Options | Callable[[], Options]
) -> tuple[Document, Scan | None]:
    detector = Detector()

    async def watched() -> AsyncIterator[bytes]:
        async for block in blocks(file):
            detector.feed(block)
            yield block

    identifier = new_id()
    async with _stored(caller, identifier, watched()) as size:
        chosen = options if isinstance(options, Options) else options()
        encoding = (chosen.encoding or detector.encoding()).lower()
        return await _start(caller, new_job(caller, identifier, "csv", size, chosen, encoding))


@requires(Role.EDITOR, "IMPORT_CONTACTS")
@recalling(_recall_start)
async def start_rows(caller: Caller, rows: Sequence[object], options: Options) -> tuple[Document, Scan | None]:
    """Like `start_csv`, for rows like `CreateContactInput`. Raises `ImportUnreadable` if there are no rows."""

    async def lines() -> AsyncIterator[bytes]:
        for start in range(0, len(rows), 500):
            yield b"".join(orjson.dumps(row) + b"\n" for row in rows[start : start + 500])

    identifier = new_id()
    async with _stored(caller, identifier, lines()) as size:
        return await _start(caller, new_job(caller, identifier, "json", size, options, None))


async def get(caller: Caller, identifier: str) -> Document | None:
    """The job with this ID, or None."""
    return await imports.get(caller.db, identifier)


async def present(caller: Caller, identifier: str) -> Document:
    """The job with this ID. Raises `NotFound`."""
    if job := await imports.get(caller.db, identifier):
        return job
    raise NotFound("import", identifier)


async def get_many(caller: Caller, ids: Iterable[str]) -> Mapping[str, Document]:
    """The jobs with these IDs, keyed by ID. Unknown IDs are left out."""
    return await imports.get_many(caller.db, ids)


async def list_imports(caller: Caller, window: Window) -> Page:
    """One page of the jobs, latest first."""
    return await imports.page(caller.db, window)


async def count_imports(caller: Caller) -> int:
    """The number of jobs."""
    return await imports.count(caller.db)


async def list_problems(caller: Caller, identifier: str, window: Window) -> Page:
    """One page of the problems of a job's rows."""
    return await imports.problems(caller.db, identifier, window)


async def count_problems(caller: Caller, identifier: str) -> int:
    """The number of problems of a job's rows."""
    return await imports.count_problems(caller.db, identifier)


async def list_outcomes(caller: Caller, identifier: str, window: Window) -> Page:
    """One page, forward only, of the outcomes of a job's rows, in the order in which they were decided."""
    chunk_key, _, place = (window.after or "").rpartition(":")
    found: list[Document] = []
    async with aclosing(imports.outcomes(caller.db, identifier, chunk_key)) as chunks:
        async for chunk in chunks:
            skipped = int(place) + 1 if chunk["key"] == chunk_key else 0
            rows = enumerate(chunk["rows"][skipped:], start=skipped)
            found += ({**row, "key": f"{chunk['key']}:{number:04d}"} for number, row in rows)
            if len(found) > window.limit:
                break
    return Page(found[: window.limit], has_next=len(found) > window.limit, has_previous=window.after is not None)


async def progress(feed: Feed, caller: Caller, identifier: str) -> AsyncGenerator[Document]:
    """Yield the job immediately and then whenever it changes, at most a few times a second, until it ends.

    Raises `NotFound`.
    """
    sent: Document | None = None
    async with aclosing(feed.ticks(lambda event: event.collection == "imports" and event.id == identifier)) as ticks:
        async for _ in ticks:
            job = await present(caller, identifier)
            if job != sent:
                yield job
            if job["finishedAt"] is not None:
                return
            sent = job


@requires(Role.EDITOR, "CANCEL_IMPORT")
@recalling(_recall_job)
async def cancel(caller: Caller, identifier: str) -> Document:
    """Ask a job to stop. It keeps the rows imported so far, or none under `REJECT_ALL`.

    A finished job doesn't change. Raises `NotFound`.
    """

    async def work(session: Session) -> Document:
        job = await imports.request_cancel(caller.db, identifier, session)
        if job is not None:
            await audit_log.record(caller, [identifier], session)
        found = job or await present(caller, identifier)
        await complete(caller, identifier, session)
        return found

    return await caller.db.transaction(work)


@requires(Role.EDITOR, "UNDO_IMPORT")
@recalling(_recall_job)
async def undo(caller: Caller, identifier: str) -> Document:
    """Queue a finished job to be undone. It is then claimed and run. Raises `NotFound`, `ImportNotUndoable`."""

    async def work(session: Session) -> Document:
        job = await imports.request_undo(caller.db, identifier, _UNDOABLE, caller.author, session)
        if job is None:
            why = _why_not_undoable(await present(caller, identifier))
            raise ImportNotUndoable(f"This import cannot be undone. {why}")
        await audit_log.record(caller, [identifier], session)
        await complete(caller, identifier, session)
        return job

    return await caller.db.transaction(work)


def _why_not_undoable(job: Document) -> str:
    if job["dryRun"]:
        return "It was a dry run and changed nothing."
    if job["status"] == "UNDONE":
        return "It has already been undone."
    return f"Its status is {job['status']}. Retry when it has finished."


@asynccontextmanager
async def _stored(caller: Caller, identifier: str, file: AsyncIterable[bytes]) -> AsyncIterator[int]:
    """Store a file and yield its size. If the block fails, the file is deleted again."""
    size = await uploads.write(caller.db, identifier, file)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(uploads.delete, caller.db, identifier)
        yield size
        stack.pop_all()


async def _start(caller: Caller, job: Document) -> tuple[Document, Scan | None]:
    if job["kind"] == "csv":
        Format(job["encoding"], job["delimiter"])
    scanned = await scan(caller, job)
    job |= {
        "delimiter": scanned.delimiter,
        "columns": list(scanned.columns),
        "unknownColumns": list(scanned.unknown),
        "rows": scanned.rows,
    }
    details = {name: job[name] for name in ("fileName", "rows", "dryRun", "onMatch", "errorPolicy")}

    async def work(session: Session) -> None:
        await imports.insert(caller.db, job, session)
        await audit_log.record(caller, [job["_id"]], session, details)
        await complete(caller, job["_id"], session)

    await caller.db.transaction(work)
    return await present(caller, job["_id"]), scanned
