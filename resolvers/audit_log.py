"""The audit log: who did what, or was refused, when, from where, and through which channel.

An entry of a change is written in the transaction of the change. Refused sign-ins are counted, because anyone can cause
them: one entry per address and minute.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import orjson
import structlog

from resolvers.access import requires
from resolvers.caller import Action, Caller, Role
from resolvers.errors import Forbidden
from storage.audit import entries, people
from storage.audit.entries import AuditSelection
from storage.changes import Author
from storage.documents import Document, new_id, now, utc
from storage.driver import Database, Session, Unavailable
from storage.lists.pages import Page, Window

log = structlog.get_logger(__name__)

# Names that this process has stored. Cleared when full, because anyone with a token adds to it.
_known: set[tuple[str, str, str]] = set()
_MAX_KNOWN = 10_000
_FLUSH_SECONDS = 5.0
# Addresses counted separately in a minute, and kept while the database is away; all others are counted together.
_MAX_ADDRESSES = 1_000
_OTHERS = "others"


async def record(
    caller: Caller,
    target_ids: Sequence[str] = (),
    session: Session | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Add an entry for the caller's action, if it is one that is recorded. `target_ids`: what it was done to."""
    if caller.action is not None:
        more = {"targetIds": list(target_ids), "details": dict(details or {})}
        author, action = caller.author, caller.action
        await _insert(caller.db, author, action, "DONE", caller.address, caller.request_id, more, session)


async def record_refusal(db: Database, author: Author, problem: Forbidden, address: str, request_id: str) -> None:
    """Add an entry for what this person or app was refused."""
    await _insert(db, author, problem.action, "REFUSED", address, request_id, {"code": problem.code})


async def record_read(caller: Caller, details: Mapping[str, object]) -> None:
    """Add an entry for an allowed read."""
    await _insert(
        caller.db, caller.author, "READ", "DONE", caller.address, caller.request_id, {"details": dict(details)}
    )


async def record_start(db: Database, author: Author, settings: Mapping[str, str]) -> None:
    """Add an entry for the start of the service with these settings, which contain no secrets."""
    await _insert(db, author, "START_SERVICE", "DONE", "", "", {"details": dict(settings)})


@requires(Role.ADMIN, "READ_AUDIT_LOG")
async def list_entries(caller: Caller, selection: AuditSelection, window: Window) -> Page:
    """One page of the selected entries, latest first. Requires an administrator."""
    return await entries.page(caller.db, selection, window)


@requires(Role.ADMIN, "READ_AUDIT_LOG")
async def count_entries(caller: Caller, selection: AuditSelection) -> int:
    """The number of selected entries. Requires an administrator."""
    return await entries.count(caller.db, selection)


@requires(Role.ADMIN, "EXPORT_AUDIT_LOG")
async def export(caller: Caller, selection: AuditSelection) -> AsyncIterator[bytes]:
    """The selected entries as JSON lines, oldest first, read as they are consumed. Requires an administrator."""
    await record(caller, details={"filters": selection.given()})
    return _lines(caller.db, selection)


async def actor_names(db: Database, found: Sequence[Document]) -> dict[str, str]:
    """The names of those who did what these entries say, keyed by their IDs."""
    return await people.names(db, {each["actorId"] for each in found if "actorId" in each})


def shown(entry: Document, name: str | None) -> Document:
    """An entry as REST and the export show it."""
    actor = entry.get("actorId")
    return {
        "id": entry["_id"],
        "at": utc(entry["at"]),
        "action": entry["action"],
        "outcome": entry["outcome"],
        "code": entry.get("code"),
        "actor": {"id": actor, "name": name} if actor else None,
        "channel": entry.get("channel"),
        "address": entry.get("address") or None,
        "requestId": entry.get("requestId") or None,
        "targetIds": entry.get("targetIds", []),
        "details": entry.get("details", {}),
        "count": entry.get("count", 1),
    }


class Failures:
    """Counts requests without a valid sign-in, by address and minute, and adds the numbers to the log in batches."""

    def __init__(self, db: Database, clock: Callable[[], datetime] = now) -> None:
        self._db = db
        self._clock = clock
        self._counts: Counter[tuple[str, datetime]] = Counter()
        self._minute: datetime | None = None
        self._addresses: set[str] = set()
        self._writing = asyncio.Lock()

    def count(self, address: str) -> None:
        """Count a request from this address."""
        minute = self._clock().replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute, self._addresses = minute, set()
        if len(self._addresses) < _MAX_ADDRESSES:
            self._addresses.add(address)
        self._add(address if address in self._addresses else _OTHERS, minute, 1)

    def _add(self, address: str, minute: datetime, number: int) -> None:
        key = (address, minute)
        if key not in self._counts and len(self._counts) >= _MAX_ADDRESSES:
            key = (_OTHERS, minute)
        self._counts[key] += number

    async def flush(self) -> None:
        """Add to the log all that was counted before."""
        async with self._writing:
            if not self._counts:
                return
            counted, self._counts = self._counts, Counter()
            template = {"action": "SIGN_IN", "outcome": "REFUSED", "code": "UNAUTHENTICATED"}
            try:
                await entries.add_failures(self._db, counted, template)
            except BaseException:
                for (address, minute), number in counted.items():
                    self._add(address, minute, number)
                raise

    @asynccontextmanager
    async def flushing(self) -> AsyncIterator["Failures"]:
        """Flush regularly while the block runs, and at its end."""
        task = asyncio.create_task(self._flush_forever())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait([task])
            with suppress(*Unavailable):
                await self.flush()

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            try:
                await self.flush()
            except Unavailable as error:
                log.warning("refused sign-ins not recorded yet, retrying", error=str(error))
            except Exception:
                log.exception("refused sign-ins not recorded yet, retrying")


async def _insert(
    db: Database,
    author: Author,
    action: Action,
    outcome: str,
    address: str,
    request_id: str,
    more: Mapping[str, object],
    session: Session | None = None,
) -> None:
    actor = author.id or author.name
    await _remember(db, actor, author.name)
    entry = {
        "_id": new_id(),
        "action": action,
        "outcome": outcome,
        "actorId": actor,
        "channel": author.channel.upper(),
        "address": address,
        "requestId": request_id,
        **more,
    }
    await entries.insert(db, entry, session)


async def _remember(db: Database, identifier: str, name: str) -> None:
    known = (db.mongo.name, identifier, name)
    if known in _known:
        return
    await people.remember(db, identifier, name)
    if len(_known) >= _MAX_KNOWN:
        _known.clear()
    _known.add(known)


async def _lines(db: Database, selection: AuditSelection) -> AsyncGenerator[bytes]:
    batch: list[Document] = []
    async for entry in entries.each(db, selection):
        batch.append(entry)
        if len(batch) == 500:
            yield await _encoded(db, batch)
            batch = []
    if batch:
        yield await _encoded(db, batch)


async def _encoded(db: Database, batch: Sequence[Document]) -> bytes:
    names = await actor_names(db, batch)
    return b"".join(orjson.dumps(shown(each, names.get(each.get("actorId", "")))) + b"\n" for each in batch)
