"""A run of the sync in progress: its lease, its record, its counts and how it ends."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

from resolvers import audit_log
from resolvers.caller import Caller
from resolvers.sync.outcome import BatchOutcome, SkippedObject
from resolvers.sync.request import SyncRequest, new_record
from storage.documents import Document, new_id
from storage.driver import Session
from storage.lease import Lease, LeaseLost, release
from storage.sync import runs, schedule
from storage.sync import state as sync_state
from storage.sync.runs import Status

# After a process is killed, its lease runs out and another process continues within a minute.
LEASE_SECONDS = 30.0
PROGRESS_SECONDS = 0.5

Phase = Literal["WAITING", "CONNECTING", "INVENTORY", "DELETIONS", "CONTACTS", "MANAGERS", "GROUPS", "DONE"]


@dataclass(slots=True)
class SyncRun:
    """A run that this process executes, with the outcome of each directory object, by objectGUID.

    `joined`: contacts that became synced ones, new or not. `unread`: objects in scope that the run skips reading,
    because the inventory shows no change. `waited`: returns the seconds spent waiting for the domain controller.
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
    _saved_at: float = 0.0

    async def enter(self, phase: Phase, **fields: object) -> None:
        """Enter a phase, and save it with these fields. Raises `LeaseLost`."""
        self.phase = phase
        await self._save(fields)

    async def add(self, outcome: BatchOutcome) -> None:
        """Count the outcome of a batch of contacts. A contact that is created and linked later counts as created.

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
        """Count the outcome of groups. Raises `LeaseLost`."""
        self.groups_changed += len(outcome.created) + len(outcome.updated) + len(outcome.deleted)
        await self.skip(outcome.skipped)
        if self.request.dry_run:
            await self._keep("differences", outcome.differences)

    async def skip(self, skipped: Sequence[SkippedObject]) -> None:
        """Count and record skipped objects. Raises `LeaseLost`."""
        self.skipped.update(each.object_guid or each.distinguished_name for each in skipped)
        await self._keep("skips", [each.document() for each in skipped])

    async def progress(self, processed: int = 0) -> None:
        """Count processed objects, and save the progress if the last save was a while ago. Raises `LeaseLost`."""
        self.processed += processed
        if time.monotonic() - self._saved_at > PROGRESS_SECONDS:
            await self._save({})

    async def finish(
        self, status: Status, problem: tuple[str, str] | None = None, *, done: Document | None = None
    ) -> None:
        """Close the record and release the lease. Raises `LeaseLost`.

        `done`: what to save with a completed run: `{mark, domains, server}`.
        """
        at = self.caller.clock()
        failure = {"problem": {"code": problem[0], "message": problem[1]}} if problem else {}

        async def work(session: Session) -> None:
            db = self.caller.db
            await schedule.end(self.lease, session, served=self.on_request)
            fields = {**self._counts(), **failure, "status": status, "finishedAt": at}
            await runs.update(db, self.id, fields, session)
            details = {"status": status, "dryRun": self.request.dry_run, "requestedBy": self.request.requested_by}
            counts = {name: fields[name] for name in ("created", "updated", "deleted", "skipped")}
            await audit_log.record(replace(self.caller, action="SYNC"), [self.id], session, details | counts)
            if done and not self.request.dry_run:
                await sync_state.set_mark(db, done["mark"], session)
                for domain in done["domains"]:
                    await sync_state.completed(db, domain, done["server"], at, None, session)

        self.phase = "DONE"
        await self.caller.db.transaction(work)

    async def hand_back(self) -> None:
        """Stop unfinished, so that another process can repeat the run immediately. Raises `LeaseLost`."""
        at = self.caller.clock()

        async def work(session: Session) -> None:
            await release(self.lease, session=session)
            await runs.update(
                self.caller.db, self.id, {**self._counts(), "status": "ABANDONED", "finishedAt": at}, session
            )

        await self.caller.db.transaction(work)

    async def _save(self, fields: Document) -> None:
        self._saved_at = time.monotonic()
        if not await runs.update_running(self.caller.db, self.id, {**self._counts(), **fields}):
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


async def take(caller: Caller, request: SyncRequest | None = None, *, seconds: float = LEASE_SECONDS) -> SyncRun | None:
    """Start the requested run, or else one that is queued or due. None if there is none, or another run is active."""
    taken = await schedule.take(caller.db, seconds, due=request is None)
    if taken is None:
        return None
    lease, state = taken
    queued: Document = state.get("request", {}) if request is None else {}
    chosen = request or SyncRequest.from_document(queued)
    record = queued.get("runId")
    identifier: str = record if record and record != state.get("runId") else new_id()

    async def work(session: Session) -> None:
        await _begin(caller, lease, state, identifier, chosen, session)

    await caller.db.transaction(work)
    return SyncRun(caller, lease, identifier, chosen, on_request=bool(queued))


async def _begin(
    caller: Caller, lease: Lease, state: Document, identifier: str, request: SyncRequest, session: Session
) -> None:
    """Close the record of a killed run and open this run's, which exists already if the run was queued."""
    db, at = caller.db, caller.clock()
    if "runId" in state:
        await runs.abandon(db, state["runId"], at, session)
    opened = new_record(request) | {"status": "RUNNING", "phase": "CONNECTING", "startedAt": at}
    if not await runs.update(db, identifier, opened, session):
        await runs.insert(db, {"_id": identifier, **opened}, at, session)
    await schedule.begin(lease, identifier, session, dry_run=request.dry_run)
    if "intervalMinutes" in state and not request.dry_run:
        await schedule.plan_next(lease, at + timedelta(minutes=state["intervalMinutes"]), session)
    elif "runId" in state and not state.get("dryRun"):  # the killed run must still be repeated
        await schedule.plan_next(lease, at, session)
