"""Runs an import job from its current position to its end, in several passes if managers are in later rows."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress

from resolvers.caller import Caller
from resolvers.commit import commit
from resolvers.errors import Busy, ContactReadOnly, EmailAddressTaken, ManagerCycle, NotFound
from resolvers.files.rows import ImportRow
from resolvers.imports import results, undo
from resolvers.imports.overlay import DryRunOverlay
from resolvers.imports.plan import BatchPlan
from resolvers.imports.source import Scan, batches, scan
from resolvers.imports.state import MATCHED, RowOutcome, RunState
from storage import groups, imports, uploads
from storage.changes import Change, Outdated
from storage.documents import Document
from storage.driver import Session
from storage.imports import CancelRequested
from storage.lease import Lease, release, set_fields

MAX_STEPS = 50
"""The maximum number of passes over a file. A manager can be this many batches after the rows that name them."""
NOTHING_WRITTEN = dict.fromkeys(("created", "updated"), 0)
"""The counts of a job that left nothing written."""
_EVERYTHING = 2**32
_ATTEMPTS = 20


def rolling_back(status: str, message: str) -> Document:
    """The fields that make a job roll back its work and then end with this status and message."""
    return {"phase": "ROLL_BACK", "endsAs": status, "message": message, "cancelRequested": False}


class ImportRun:
    """One process's work on a job whose lease it holds."""

    def __init__(self, caller: Caller, lease: Lease, job: Document, scanned: Scan | None = None) -> None:
        self._caller = caller
        self._db = caller.db
        self._lease = lease
        self._job = job
        self._scan = scanned
        self._names: dict[str, str] = {}
        self._state = RunState()

    async def finish(self) -> None:
        """Run the rest of the job. Raises `LeaseLost` if another process has taken the job."""
        try:
            await self._phases()
        except CancelRequested:
            await self._cancelled()

    async def _cancelled(self) -> None:
        phase = self._job["phase"]
        if phase == "ROLL_BACK":
            await self._set({"cancelRequested": False})
            await self.finish()
        elif phase == "WRITE" and self._job["errorPolicy"] == "REJECT_ALL":
            await self._set(rolling_back("CANCELLED", "The import was cancelled and rolled back."))
            await self.finish()
        elif phase == "PREVIEW" and not self._job["dryRun"]:
            await self._end(
                "CANCELLED", message="The import was cancelled before anything was written.", **NOTHING_WRITTEN
            )
        else:
            await self._end("CANCELLED")

    async def _phases(self) -> None:
        if self._job["phase"] == "UNDO":
            await self._undo("UNDONE")
            return
        if self._job["phase"] == "ROLL_BACK":
            await self._undo(self._job["endsAs"])
            return
        self._scan = self._scan or await scan(self._caller, self._job)
        if self._job["phase"] == "PREVIEW":
            await self._dry_run()
        if self._job["phase"] == "WRITE":
            await self._write()

    async def _dry_run(self) -> None:
        """Plan all rows and write nothing: all of a dry run, and the first phase under `REJECT_ALL`."""
        await imports.clear_results(self._db, self._lease.id)
        fresh = {**dict.fromkeys((*results.COUNTS, "processed"), 0), "step": 1, "place": 0, "isLast": False}
        await self._set(fresh)
        await self._restore_state()
        await self._steps()
        if self._job["errorPolicy"] == "REJECT_ALL" and self._job["failed"]:
            message = "Some rows failed, so nothing was written. Correct them and import the file again."
            await self._end("FAILED", message=message, **NOTHING_WRITTEN)
        elif self._job["dryRun"]:
            await self._end("SUCCEEDED")
        else:
            await imports.clear_results(self._db, self._lease.id)
            await self._set({**fresh, "phase": "WRITE"})

    async def _write(self) -> None:
        await self._restore_state()
        await self._steps()
        if self._job["errorPolicy"] == "REJECT_ALL" and self._job["failed"]:
            message = (
                "Contacts or groups changed during the import and some rows failed. It was rolled back. Try again."
            )
            await self._set(rolling_back("FAILED", message))
            await self._phases()
        else:
            await self._end("SUCCEEDED")

    async def _restore_state(self) -> None:
        """Restore the state of the run at its current position, from the file and the stored outcomes."""
        scanned = self._scan or Scan()
        self._names = dict(scanned.names)
        self._state = state = RunState(scanned.index)
        state.dry_run = DryRunOverlay(scanned.index) if self._job["phase"] == "PREVIEW" else None
        state.frontier = self._job["place"] if self._job["step"] == 1 else _EVERYTHING
        async for chunk in imports.outcomes(self._db, self._lease.id):
            state.waiting.update(chunk["waiting"])
            for row in chunk["rows"]:
                place = row["line"] or row["row"]
                state.waiting.discard(place)
                if row["contactId"] and row["action"] in MATCHED:
                    state.matched.add(row["contactId"], place)

    async def _steps(self) -> None:
        """Go through the file, then through the rows that wait for others, until all rows are decided."""
        while True:
            waited, whole = len(self._state.waiting), self._job["place"] == 0
            async with aclosing(self._batches()) as found:
                async for rows in found:
                    await self._carry_out(rows)
            if not self._state.waiting:
                return
            self._state.frontier = _EVERYTHING
            step = self._job["step"] + 1
            stuck = step > 2 and whole and len(self._state.waiting) == waited
            await self._set({"step": step, "place": 0, "isLast": stuck or step >= MAX_STEPS})

    async def _batches(self) -> AsyncGenerator[Sequence[ImportRow]]:
        """The batches that this step has not decided yet."""
        first, done = self._job["step"] == 1, self._job["place"]
        async with aclosing(batches(self._caller, self._job)) as found:
            async for batch in found:
                due = [row for row in batch if row.place > done and (first or row.place in self._state.waiting)]
                if due:
                    yield due

    async def _carry_out(self, rows: Sequence[ImportRow]) -> None:
        is_last = self._job["isLast"]
        plan = BatchPlan(self._caller, self._job["onMatch"], self._state, self._names, rows, last_round=is_last)
        if self._job["phase"] == "WRITE":
            await self._write_batch(plan)
        else:
            await plan.make()
            await self._keep(plan, None)
        self._state.note(plan.outcomes)
        self._job["place"] = plan.rows[-1].place
        for name, step in results.counts(plan.outcomes).items():
            self._job[name] += step

    async def _write_batch(self, plan: BatchPlan) -> None:
        """Plan and write a batch in one transaction. Retry after conflicts with other writers."""

        async def decide(session: Session) -> Sequence[Change]:
            await imports.lock(self._lease, session)
            await plan.make(session)
            return plan.changes

        async def also(session: Session) -> None:
            await _move_members(self._caller, plan.outcomes, session)
            await self._keep(plan, session)

        for _ in range(_ATTEMPTS):
            with suppress(EmailAddressTaken, ContactReadOnly, ManagerCycle, NotFound):
                await commit(self._caller, decide, also)
                return
        raise Busy

    async def _keep(self, plan: BatchPlan, session: Session | None) -> None:
        outcomes = plan.outcomes
        called = await results.names_in(self._caller, outcomes) if self._job["dryRun"] else None
        chunks = await results.chunks(self._job, self._job["step"], outcomes, called)
        if self._job["phase"] == "PREVIEW" and not self._job["dryRun"]:
            chunks = []
        await imports.add_results(self._db, chunks, results.problems(self._job, outcomes), session)
        at = {"place": plan.rows[-1].place}
        await imports.advance(self._lease, at, results.counts(outcomes), session)

    async def _undo(self, status: str) -> None:
        nothing: Document = dict(NOTHING_WRITTEN) if status != "UNDONE" else {}
        await undo.undo(self._caller, self._job, self._lease)
        job = await imports.get(self._db, self._lease.id) or self._job
        if nothing and job["notUndone"]:
            kept = f"Contacts kept because someone changed them in the meantime: {job['notUndone']:,}."
            nothing["message"] = f"{job['message']} {kept}"
        await self._end(status, **nothing)

    async def _end(self, status: str, **sets: object) -> None:
        await release(self._lease, {**sets, "status": status, "finishedAt": self._caller.clock()})
        await uploads.delete(self._db, self._lease.id)

    async def _set(self, sets: Document) -> None:
        await set_fields(self._lease, sets)
        self._job |= sets


async def _move_members(caller: Caller, outcomes: Sequence[RowOutcome], session: Session) -> None:
    """Write the changed memberships, except for those of new contacts, which are created with them."""
    joining: dict[str, list[str]] = {}
    leaving: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.groups and outcome.contact_id:
            before, after = map(set, outcome.groups)
            for group in after - before:
                joining.setdefault(group, []).append(outcome.contact_id)
            for group in before - after:
                leaving.setdefault(group, []).append(outcome.contact_id)
    for moves, move in ((joining, groups.add_members), (leaving, groups.remove_members)):
        for group, members in moves.items():
            step = await move(caller.db, group, members, session)
            if await groups.count_members(caller.db, group, step, session) is None:
                raise Outdated  # it was deleted in the meantime
