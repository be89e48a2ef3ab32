"""One cycle of the sync as it goes: its lease, its record, its progress, its end."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from resolvers.caller import Caller
from resolvers.sync.outcome import BatchOutcome, SkippedObject
from resolvers.sync.request import SyncRequest, new_record
from storage.documents import Document, new_id
from storage.driver import Session
from storage.lease import Lease, LeaseLost, release
from storage.sync import runs, schedule
from storage.sync import state as sync_state
from storage.sync.runs import Status

# Whoever finds the lease of a killed process run out takes over: within a minute, looking every few seconds.
LEASE_SECONDS = 30.0
PROGRESS_SECONDS = 0.5

Phase = Literal["WAITING", "CONNECTING", "INVENTORY", "DELETIONS", "CONTACTS", "MANAGERS", "GROUPS", "DONE"]


@dataclass(slots=True)
class SyncRun:
    """A cycle that this process does, with what became of each directory object, by objectGUID.

    `joined`: those that it made synced contacts, new or not.
    `unread`: those in scope that need not be read, as the inventory shows nothing new of them. `waited` tells how many
    seconds the domain controller took so far.
    """

    caller: Caller
    lease: Lease
    id: str
    request: SyncRequest
    on_request: bool = False
    created: set[str] = field(default_factory=set)
    updated: set[str] = field(default_factory=set)
    joined: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    unchanged: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    groups_changed: int = 0
    memberships_changed: int = 0
    processed: int = 0
    waited: Callable[[], float] = float
    notes: list[str] = field(default_factory=list)
    phase: Phase = "CONNECTING"
    _started: float = field(default_factory=time.monotonic)
    _told: float = 0.0

    async def enter(self, phase: Phase, **fields: object) -> None:
        """Go on to another phase. Raises `LeaseLost`."""
        self.phase = phase
        await self._tell(fields)

    async def add(self, outcome: BatchOutcome) -> None:
        """Count what became of a batch of contacts; who was created and then given a manager counts as created.

        Raises `LeaseLost`.
        """
        self.created.update(outcome.created)
        self.updated.update(guid for guid in outcome.updated if guid not in self.created)
        self.joined.update(outcome.joined)
        self.deleted.update(outcome.deleted)
        self.unchanged.update(outcome.unchanged)
        await self.skip(outcome.skipped)
        if self.request.dry_run:
            await self._keep("differences", outcome.differences)
        await self.progress()

    async def add_groups(self, outcome: BatchOutcome) -> None:
        """Count what became of groups. Raises `LeaseLost`."""
        self.groups_changed += len(outcome.created) + len(outcome.updated) + len(outcome.deleted)
        await self.skip(outcome.skipped)
        if self.request.dry_run:
            await self._keep("differences", outcome.differences)

    async def skip(self, skipped: Sequence[SkippedObject]) -> None:
        """Keep which objects are left as they are, and why. Raises `LeaseLost`."""
        self.skipped.update(each.object_guid or each.distinguished_name for each in skipped)
        await self._keep("skips", [each.document() for each in skipped])

    async def progress(self, processed: int = 0) -> None:
        """Tell how far the cycle is, now and then. Raises `LeaseLost`."""
        self.processed += processed
        if time.monotonic() - self._told > PROGRESS_SECONDS:
            await self._tell({})

    async def finish(
        self, status: Status, problem: tuple[str, str] | None = None, *, done: Document | None = None
    ) -> None:
        """Close the record and give the lease back. Raises `LeaseLost`.

        `done`: what a complete cycle makes true with it: `{mark, domains, server}`.
        """
        at = self.caller.clock()
        told = {"problem": {"code": problem[0], "message": problem[1]}} if problem else {}

        async def work(session: Session) -> None:
            db = self.caller.db
            await schedule.end(self.lease, session, served=self.on_request)
            fields = {**self._counts(), **told, "status": status, "finishedAt": at}
            await runs.update(db, self.id, fields, session)
            if done and not self.request.dry_run:
                await sync_state.set_mark(db, done["mark"], session)
                for domain in done["domains"]:
                    await sync_state.completed(db, domain, done["server"], at, None, session)

        self.phase = "DONE"
        await self.caller.db.transaction(work)

    async def hand_back(self) -> None:
        """End at once and unfinished, for another process to take over."""
        at = self.caller.clock()

        async def work(session: Session) -> None:
            await release(self.lease, session=session)
            await runs.update(
                self.caller.db, self.id, {**self._counts(), "status": "ABANDONED", "finishedAt": at}, session
            )

        await self.caller.db.transaction(work)

    async def _tell(self, fields: Document) -> None:
        self._told = time.monotonic()
        if not await runs.tell(self.caller.db, self.id, {**self._counts(), **fields}):
            raise LeaseLost

    async def _keep(self, kind: runs.Kind, found: Sequence[Document]) -> None:
        db, at = self.caller.db, self.caller.clock()
        if found and not await runs.add_details(db, self.id, kind, found, at):
            raise LeaseLost

    def _counts(self) -> Document:
        return {
            "phase": self.phase,
            "processed": self.processed,
            "created": len(self.created),
            "updated": len(self.updated),
            "deleted": len(self.deleted),
            "unchanged": len((self.unchanged | self.unread) - self.updated - self.deleted - self.skipped),
            "skipped": len(self.skipped),
            "groupsChanged": self.groups_changed,
            "membershipsChanged": self.memberships_changed,
            "seconds": round(time.monotonic() - self._started, 3),
            "ldapSeconds": round(self.waited(), 3),
            "notes": self.notes,
        }


async def take(caller: Caller, wanted: SyncRequest | None = None, *, seconds: float = LEASE_SECONDS) -> SyncRun | None:
    """Begin a cycle: this one, or one that is due or asked for. None if another runs, or none is due."""
    taken = await schedule.take(caller.db, seconds, due=wanted is None)
    if taken is None:
        return None
    lease, state = taken
    request: Document = state.get("request", {}) if wanted is None else {}
    chosen = wanted or SyncRequest.asked(request)
    queued = request.get("runId")
    identifier: str = queued if queued and queued != state.get("runId") else new_id()

    async def work(session: Session) -> None:
        await _begin(caller, lease, state, identifier, chosen, session)

    await caller.db.transaction(work)
    return SyncRun(caller, lease, identifier, chosen, on_request=bool(request))


async def _begin(
    caller: Caller, lease: Lease, state: Document, identifier: str, wanted: SyncRequest, session: Session
) -> None:
    """Close the record of a run that was killed, and open this one's, which a request may have made already."""
    db, at = caller.db, caller.clock()
    if "runId" in state:
        await runs.abandon(db, state["runId"], at, session)
    opened = new_record(wanted) | {"status": "RUNNING", "phase": "CONNECTING", "startedAt": at}
    if not await runs.update(db, identifier, opened, session):
        await runs.insert(db, {"_id": identifier, **opened}, at, session)
    await schedule.begin(lease, identifier, session, dry_run=wanted.dry_run)
    if "intervalMinutes" in state and not wanted.dry_run:
        await schedule.plan_next(lease, at + timedelta(minutes=state["intervalMinutes"]), session)
    elif "runId" in state and not state.get("dryRun"):  # the killed run is still to be repeated
        await schedule.plan_next(lease, at, session)
