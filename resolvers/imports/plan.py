"""Decides the outcome of each row of an import, in the order of the rows, as if each were written immediately.

Dry runs and real runs use the same code. An overlay on top of the stored contacts has the changes of earlier rows: of
the same batch, or in a dry run of the whole file. A real run plans each batch in the transaction that writes it.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain

from resolvers import mastery, rules
from resolvers.caller import Caller
from resolvers.errors import InvalidInput
from resolvers.files.rows import ImportRow, RowProblem, check, compared_address
from resolvers.imports.differences import differing
from resolvers.imports.failures import Failures, where
from resolvers.imports.groups import changed, joined
from resolvers.imports.lookups import look_up
from resolvers.imports.managers import Chains
from resolvers.imports.overlay import Overlay
from resolvers.imports.state import Action, OnMatch, RowFailed, RowOutcome, RunState
from runtime.fairness import give_way
from storage import changes, contacts, groups
from storage.changes import Change
from storage.claims import Holder
from storage.documents import Document, created_at
from storage.driver import Session
from storage.keys import addresses

_RECONSIDERED = 10


class _Waits(Exception):
    """Raised when a later row must be decided first."""


class BatchPlan:
    """The `outcomes` of one batch of rows."""

    def __init__(
        self,
        caller: Caller,
        on_match: OnMatch,
        state: RunState,
        names: Mapping[str, str],
        rows: Sequence[ImportRow],
        *,
        last_round: bool = False,
    ) -> None:
        """`names` has the file's own column name for each field. In the last round, rows can no longer wait."""
        self.rows = rows
        self.outcomes: list[RowOutcome] = []
        self._caller = caller
        self._on_match = on_match
        self._state = state
        self._failures = Failures(names)
        self._last_round = last_round
        self._matched_by: dict[str, int] = {}
        self._decided: set[int] = set()
        self._overlay = Overlay()
        self._may_wait = True
        self._session: Session | None = None

    async def make(self, session: Session | None = None) -> None:
        """Decide all rows. Nothing is written. If this is called again, it starts over."""
        self._session = session
        self._matched_by, self._decided, self._may_wait = {}, set(), True
        self._overlay = self._state.dry_run or Overlay()
        self._found = await look_up(self._caller, self.rows, session)
        self._chains = Chains(self._caller, session, self._overlay)
        if self._on_match == "UPDATE" and self._found.contacts:
            await self._chains.read(self.rows, self._found)
        outcomes = list[RowOutcome]()
        for row in self.rows:
            outcomes.append(await self._outcome(row))
            await give_way()
        await self._reconsider(outcomes)
        if self._last_round:
            self._may_wait = False
            outcomes[:] = [await self._outcome(each.row) if each.action == "WAITING" else each for each in outcomes]
        self.outcomes = outcomes

    @property
    def changes(self) -> Sequence[Change]:
        """The changes to write to contacts."""
        return [outcome.change for outcome in self.outcomes if outcome.change]

    async def _reconsider(self, outcomes: list[RowOutcome]) -> None:
        """Retry rows that wait for rows of the same batch, last row first, because managers are often in later rows."""
        for _ in range(_RECONSIDERED):
            waiting = [place for place, outcome in enumerate(outcomes) if outcome.action == "WAITING"]
            for place in reversed(waiting):
                outcomes[place] = await self._outcome(outcomes[place].row)
                await give_way()
            if all(outcomes[place].action == "WAITING" for place in waiting):
                return

    async def _outcome(self, row: ImportRow) -> RowOutcome:
        try:
            outcome = await self._decide(row)
        except _Waits:
            return RowOutcome(row, "WAITING")
        except RowFailed as failure:
            outcome = RowOutcome(row, "FAILED", problems=failure.problems)
        self._decided.add(row.place)
        return outcome

    async def _decide(self, row: ImportRow) -> RowOutcome:
        if row.problems:
            raise RowFailed(*row.problems)
        self._check_repeated(row)
        holder = self._holder(row.email_address)
        if holder is None:
            return await self._created(row)
        if holder.kind == "group":
            raise await self._taken(row, row.email_address, holder)
        return await self._matched(row, holder.id)

    def _check_repeated(self, row: ImportRow) -> None:
        for address in row.addresses:
            first = self._state.index.get(address)
            if first is not None and first != row.place:
                raise self._failures.repeated(row, first, address)

    async def _created(self, row: ImportRow) -> RowOutcome:
        row.checked = contact = row.checked or check(row, self._caller.default_region)
        if isinstance(contact, InvalidInput):
            raise self._failures.invalid(row, contact)
        identifier = self._overlay.new_id(row.place)
        document = {
            "_id": identifier,
            "source": "CLOUD",
            "gal": "VISIBLE",
            "createdAt": created_at(identifier),
            **contact,
        }
        await self._check_taken(row, document, identifier)
        if row.manager or row.manager_id:
            document["managerId"] = self._manager(row)
        if row.groups:
            document["groupIds"] = joined(row, self._found, self._failures.column("groups"))
        change = changes.created(document, self._caller.clock())
        self._overlay.created(row.place, document)
        self._matched_by[identifier] = row.place
        return RowOutcome(row, "CREATED", identifier, 1, change)

    async def _matched(self, row: ImportRow, identifier: str) -> RowOutcome:
        first = self._matched_by.get(identifier) or self._state.matched.get(identifier)
        if first is not None and first != row.place:
            raise self._failures.matched_twice(row, first)
        before = self._found.contacts.get(identifier)
        if before is None:  # it was deleted between two reads, which cannot happen in the transaction that writes
            raise _Waits
        if self._on_match == "FAIL":
            raise self._failures.exists(row, before)
        outcome = RowOutcome(row, "SKIPPED", identifier, before["version"])
        if self._on_match == "UPDATE":
            outcome = await self._updated(row, before)
        self._matched_by[identifier] = row.place
        return outcome

    async def _updated(self, row: ImportRow, before: Document) -> RowOutcome:
        identifier: str = before["_id"]
        fields = differing(row, before)
        try:
            after = rules.changed_contact(before, fields, self._caller.default_region) if fields else dict(before)
        except InvalidInput as problem:
            raise self._failures.invalid(row, problem) from problem
        if row.manager is not None or row.manager_id is not None:
            await self._set_manager(row, before, after)
        memberships = changed(row, before, self._found, self._failures.column("groups"))
        if not changes.altered(before, after):
            action: Action = "UPDATED" if memberships else "UNCHANGED"
            return RowOutcome(row, action, identifier, before["version"], groups=memberships)
        if not mastery.is_editable(before):
            read_only = await mastery.contact_read_only(self._caller, before)
            raise RowFailed(RowProblem(None, read_only.code, read_only.message, row.email_address))
        await self._check_taken(row, after, identifier)
        self._overlay.updated(before, after)
        change = changes.updated(before, after, self._caller.clock())
        return RowOutcome(row, "UPDATED", identifier, before["version"] + 1, change, memberships)

    async def _set_manager(self, row: ImportRow, before: Document, after: Document) -> None:
        manager = self._manager(row) if row.manager or row.manager_id else None
        if manager == before.get("managerId"):
            return
        if manager is None:
            after.pop("managerId", None)
            return
        if above := await self._chains.between(manager, before["_id"]):
            await self._wait_for(row, above)
            raise self._failures.manager(row, "MANAGER_CYCLE", "is managed by this contact, directly or indirectly")
        after["managerId"] = manager

    def _manager(self, row: ImportRow) -> str:
        """The ID of the row's manager."""
        if row.manager_id:
            if row.manager_id in self._found.managers:
                return row.manager_id
            raise self._failures.manager(row, "MANAGER_NOT_FOUND", "does not exist")
        address = compared_address(row.manager or "")
        holder = self._holder(address)
        if holder and holder.kind == "contact":
            return holder.id
        place = self._state.index.get(address)
        if place == row.place:
            raise self._failures.manager(row, "MANAGER_CYCLE", "is the contact itself")
        if place and self._is_undecided(place):
            if self._may_wait:
                raise _Waits
            raise self._failures.manager(
                row, "MANAGER_CYCLE", f"is {where(row, place)}, which depends on this row or on too many others"
            )
        why = f"is {where(row, place)}, which failed" if place else "is neither an existing contact nor in the file"
        raise self._failures.manager(row, "MANAGER_NOT_FOUND", why)

    def _is_undecided(self, place: int) -> bool:
        past = place > self._state.frontier or place in self._state.waiting
        return past and place not in self._decided

    async def _wait_for(self, row: ImportRow, ids: Collection[str]) -> None:
        """Let the row wait if a later row may still change one of these contacts, which block this row."""
        if self._on_match != "UPDATE" or not self._may_wait:
            return
        found = await contacts.get_many(self._caller.db, ids, self._session, ["emailAddress", "aliases"])
        for address in chain.from_iterable(map(addresses, found.values())):
            place = self._state.index.get(address)
            if place and place != row.place and self._is_undecided(place):
                raise _Waits

    def _holder(self, address: str) -> Holder | None:
        is_planned, identifier = self._overlay.holder(address)
        if is_planned:
            return None if identifier is None else Holder(identifier, "contact")
        return self._found.holders.get(address)

    async def _check_taken(self, row: ImportRow, contact: Document, identifier: str) -> None:
        for address in addresses(contact):
            if (holder := self._holder(address)) and holder.id != identifier:
                await self._wait_for(row, [holder.id])
                raise await self._taken(row, address, holder)

    async def _taken(self, row: ImportRow, address: str, holder: Holder) -> RowFailed:
        read = contacts.get if holder.kind == "contact" else groups.get
        return self._failures.taken(row, address, holder, await read(self._caller.db, holder.id, self._session))
