"""Undoes an import: deletes the contacts that it created and restores those that it updated."""

from collections.abc import Mapping, Sequence

from resolvers import rules
from resolvers.caller import Caller
from resolvers.commit import commit
from resolvers.errors import EmailAddressTaken, ManagerCycle, NotFound
from resolvers.files.rows import ImportRow, RowProblem
from resolvers.imports import results
from resolvers.mastery import is_editable
from resolvers.recycle_bin import departure
from storage import changes, contacts, groups, history, imports, recycle_bin
from storage.changes import Change
from storage.documents import Document
from storage.driver import Session
from storage.keys import address_key
from storage.lease import Lease


async def undo(caller: Caller, job: Document, lease: Lease) -> None:
    """Undo a job chunk by chunk, latest first, each in one transaction, so that an interrupted undo can be resumed.

    A contact that was changed after the import is kept and reported by name. So is a created contact that was then
    added to groups or became a manager. A rolled-back job leaves nothing in the recycle bin.
    """
    while chunk := await imports.last_outcome(caller.db, job["_id"]):
        await _Chunk(caller, job, lease, chunk).undo()


class _Chunk:
    def __init__(self, caller: Caller, job: Document, lease: Lease, chunk: Document) -> None:
        self._caller = caller
        self._db = caller.db
        self._job = job
        self._lease = lease
        self._chunk = chunk
        self._rows = [row for row in chunk["rows"] if row["action"] in ("CREATED", "UPDATED")]
        self._kept: list[tuple[Document, RowProblem]] = []
        self._held: dict[str, str] = {}
        self._deleted: list[str] = []

    async def undo(self) -> None:
        """Undo the rows of the chunk, except for those that can no longer be undone."""
        while True:
            try:
                await commit(self._caller, self._decide, self._also)
            except (EmailAddressTaken, NotFound, ManagerCycle) as problem:
                await self._hold_back(problem)
            else:
                return

    async def _decide(self, session: Session) -> Sequence[Change]:
        await imports.lock(self._lease, session)
        self._kept = []
        found = await contacts.get_many(self._db, [row["contactId"] for row in self._rows], session)
        missing = [row["contactId"] for row in self._rows if row["contactId"] not in found]
        deleted = await recycle_bin.get_many(self._db, missing) if missing else {}
        due = [row for row in self._rows if self._is_due(row, found.get(row["contactId"]), deleted)]
        returning = [found[row["contactId"]] for row in due if row["action"] == "UPDATED" and row["isWritten"]]
        restored = await self._restored(returning, session)
        created = {row["contactId"]: row for row in due if row["action"] == "CREATED"}
        going = await self._going({each: found[each] for each in created}, created, restored, session)
        self._deleted = [contact["_id"] for contact in going]
        gone = await departure(self._caller, going, session)
        ids = {change.contact["_id"] for change in restored}
        return [*(change for change in gone if change.contact["_id"] not in ids), *restored]

    async def _going(
        self,
        candidates: dict[str, Document],
        rows: Mapping[str, Document],
        restored: Sequence[Change],
        session: Session,
    ) -> Sequence[Document]:
        """The contacts to delete: those whose reports are all deleted, too, or get another manager back."""
        reports = await contacts.reports_of(self._db, list(candidates), session)
        elsewhere = {change.contact["_id"]: change.contact.get("managerId") for change in restored}
        while True:
            staying = [
                report
                for report in reports
                if report["managerId"] in candidates
                and report["_id"] not in candidates
                and elsewhere.get(report["_id"], report["managerId"]) == report["managerId"]
            ]
            if not staying:
                return list(candidates.values())
            for report in staying:
                if manager := candidates.pop(report["managerId"], None):
                    why = f"{_named(manager)} still manages {_named(report)} and was not deleted."
                    self._keep(rows[manager["_id"]], why)

    def _is_due(self, row: Document, contact: Document | None, deleted: Mapping[str, Document]) -> bool:
        """Whether a contact is unchanged since the import. If not, a problem is recorded."""
        if contact is None:
            entry = deleted.get(row["contactId"])
            name = _named(entry["contact"]) if entry else f"The contact {row['contactId']}"
            self._keep(row, f"{name} was already deleted after the import.")
            return False
        name = _named(contact)
        if row["action"] == "CREATED" and set(contact.get("groupIds", ())) - set(row.get("joined", ())):
            self._keep(row, f"{name} was added to groups after the import and was not deleted.")
            return False
        if contact["version"] != row["version"]:
            self._keep(row, f"{name} was changed after the import and was not undone.")
            return False
        if reason := self._held.get(row["contactId"]):
            self._keep(row, f"The old values of {name} cannot be restored. {reason}")
            return False
        return True

    async def _restored(self, returning: Sequence[Document], session: Session) -> list[Change]:
        """The changes that restore the old values of updated contacts from the history."""
        wanted = {contact["_id"]: contact["version"] for contact in returning}
        records = await history.at_versions(self._db, wanted, session)
        return [
            changes.updated(contact, self._before(contact, record), self._caller.clock())
            for contact in returning
            if (record := records.get(contact["_id"]))
        ]

    async def _also(self, session: Session) -> None:
        kept = {row["contactId"] for row, _ in self._kept}
        await self._restore_groups([row for row in self._rows if row["contactId"] not in kept], session)
        if self._job["phase"] == "ROLL_BACK":
            await recycle_bin.forget(self._db, self._deleted, session)
        problems = [
            results.problem_document(self._job, ImportRow(row["row"], row["line"], {}), 999, problem)
            for row, problem in self._kept
        ]
        await imports.add_results(self._db, [], problems, session)
        await imports.mark_undone(self._db, self._chunk, session)
        done = {"undone": len(self._rows) - len(self._kept), "notUndone": len(self._kept)}
        await imports.advance(self._lease, {}, done, session)

    async def _restore_groups(self, rows: Sequence[Document], session: Session) -> None:
        """Restore memberships, except in groups that are now deleted or synced from Active Directory."""
        moved = [row for row in rows if "groups" in row]
        ids = {each for row in moved for each in (*row["groups"][0], *row["groups"][1])}
        found = await groups.get_many(self._db, ids, session) if ids else {}
        ours = {each for each, group in found.items() if is_editable(group)}
        for row in moved:
            before, after = map(set, row["groups"])
            for group in (before - after) & ours:
                step = await groups.add_members(self._db, group, [row["contactId"]], session)
                await groups.count_members(self._db, group, step, session)
            for group in (after - before) & ours:
                step = await groups.remove_members(self._db, group, [row["contactId"]], session)
                await groups.count_members(self._db, group, step, session)

    async def _hold_back(self, problem: EmailAddressTaken | NotFound | ManagerCycle) -> None:
        """Record the contacts whose old values cause this problem. Raises the problem if there are none."""
        versions = {row["contactId"]: row["version"] for row in self._rows if row["isWritten"]}
        records = await history.at_versions(self._db, versions)
        found = {each for each, record in records.items() if _causes(record, problem)} - self._held.keys()
        if not found:
            raise problem
        self._held |= dict.fromkeys(found, problem.message)

    def _before(self, contact: Document, record: Document) -> Document:
        """The contact with its values from before the recorded change."""
        new = {name for name in record["after"] if name not in record["before"]}
        old = {name: value for name, value in contact.items() if name not in new} | record["before"]
        return rules.with_e164(old, self._caller.default_region)

    def _keep(self, row: Document, message: str) -> None:
        self._kept.append((row, RowProblem(None, "CHANGED_SINCE", message)))


def _named(contact: Document) -> str:
    return f"{contact['displayName']} ({contact['_id']})"


def _causes(record: Document, problem: EmailAddressTaken | NotFound | ManagerCycle) -> bool:
    """Whether reverting this recorded change causes the problem."""
    before = record["before"]
    match problem:
        case EmailAddressTaken():
            old = [before.get("emailAddress"), *before.get("aliases", ())]
            return address_key(problem.address) in {address_key(address) for address in old if address}
        case NotFound():
            return bool(before.get("managerId") == problem.id)
    return "managerId" in before and record["contactId"] in {each["_id"] for each in problem.chain}
