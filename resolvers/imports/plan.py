"""Decides what becomes of the rows of an import: one by one, in their order, as if each were written at once.

A preview and a run plan with the same function. What earlier rows of the batch change, or in a preview of the whole
file, is kept in an overlay over what the directory has. A run plans each batch in the transaction that writes it.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain

from resolvers import mastery, rules
from resolvers.caller import Caller
from resolvers.errors import InvalidInput
from resolvers.files.rows import ImportRow, RowProblem, check, compared_address
from resolvers.imports.differences import differing
from resolvers.imports.groups import changed, joined
from resolvers.imports.lookups import look_up
from resolvers.imports.managers import Chains
from resolvers.imports.overlay import Overlay
from resolvers.imports.refusals import Refusals, where
from resolvers.imports.state import Action, ImportRefused, OnMatch, RowOutcome, RunState
from runtime.fairness import give_way
from storage import changes, contacts, groups
from storage.changes import Change
from storage.claims import Holder
from storage.documents import Document, created_at
from storage.driver import Session
from storage.keys import addresses

_RECONSIDERED = 10


class _Waits(Exception):
    """Raised where a row needs a later one to be decided first."""


class BatchPlan:
    """What becomes of one batch of rows: `outcomes`."""

    def __init__(
        self,
        caller: Caller,
        on_match: OnMatch,
        memory: RunState,
        names: Mapping[str, str],
        rows: Sequence[ImportRow],
        *,
        last_round: bool = False,
    ) -> None:
        """`names` has the file's own name of each field's column. In the last round no row can wait any longer."""
        self.rows = rows
        self.outcomes: list[RowOutcome] = []
        self._caller = caller
        self._on_match = on_match
        self._memory = memory
        self._refusals = Refusals(names)
        self._last_round = last_round
        self._met: dict[str, int] = {}
        self._decided: set[int] = set()
        self._overlay = Overlay()
        self._may_wait = True
        self._session: Session | None = None

    async def make(self, session: Session | None = None) -> None:
        """Decide the rows, from the start if this is called again. Nothing is written."""
        self._session = session
        self._met, self._decided, self._may_wait = {}, set(), True
        self._overlay = self._memory.preview or Overlay()
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
        """What is to be written of contacts."""
        return [outcome.change for outcome in self.outcomes if outcome.change]

    async def _reconsider(self, outcomes: list[RowOutcome]) -> None:
        """Decide rows that wait for rows of this very batch: the last first, as managers are later rows."""
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
        except ImportRefused as refused:
            outcome = RowOutcome(row, "FAILED", problems=refused.problems)
        self._decided.add(row.place)
        return outcome

    async def _decide(self, row: ImportRow) -> RowOutcome:
        if row.problems:
            raise ImportRefused(*row.problems)
        self._refuse_repeated(row)
        holder = self._holder(row.email_address)
        if holder is None:
            return await self._created(row)
        if holder.kind == "group":
            raise await self._taken(row, row.email_address, holder)
        return await self._matched(row, holder.id)

    def _refuse_repeated(self, row: ImportRow) -> None:
        for address in row.addresses:
            first = self._memory.index.get(address)
            if first is not None and first != row.place:
                raise self._refusals.repeated(row, first, address)

    async def _created(self, row: ImportRow) -> RowOutcome:
        row.checked = contact = row.checked or check(row, self._caller.default_region)
        if isinstance(contact, InvalidInput):
            raise self._refusals.invalid(row, contact)
        identifier = self._overlay.new_id(row.place)
        document = {
            "_id": identifier,
            "source": "CLOUD",
            "gal": "VISIBLE",
            "createdAt": created_at(identifier),
            **contact,
        }
        await self._refuse_taken(row, document, identifier)
        if row.manager or row.manager_id:
            document["managerId"] = self._manager(row)
        if row.groups:
            document["groupIds"] = joined(row, self._found, self._refusals.column("groups"))
        change = changes.created(document, self._caller.clock())
        self._overlay.created(row.place, document)
        self._met[identifier] = row.place
        return RowOutcome(row, "CREATED", identifier, 1, change)

    async def _matched(self, row: ImportRow, identifier: str) -> RowOutcome:
        first = self._met.get(identifier) or self._memory.met.get(identifier)
        if first is not None and first != row.place:
            raise self._refusals.met(row, first)
        before = self._found.contacts.get(identifier)
        if before is None:  # it was deleted between two reads: they agree in the transaction that writes the batch
            raise _Waits
        if self._on_match == "FAIL":
            raise self._refusals.exists(row, before)
        outcome = RowOutcome(row, "SKIPPED", identifier, before["version"])
        if self._on_match == "UPDATE":
            outcome = await self._updated(row, before)
        self._met[identifier] = row.place
        return outcome

    async def _updated(self, row: ImportRow, before: Document) -> RowOutcome:
        identifier: str = before["_id"]
        fields = differing(row, before)
        try:
            after = rules.changed_contact(before, fields, self._caller.default_region) if fields else dict(before)
        except InvalidInput as problem:
            raise self._refusals.invalid(row, problem) from problem
        if row.manager is not None or row.manager_id is not None:
            await self._set_manager(row, before, after)
        memberships = changed(row, before, self._found, self._refusals.column("groups"))
        if not changes.altered(before, after):
            action: Action = "UPDATED" if memberships else "UNCHANGED"
            return RowOutcome(row, action, identifier, before["version"], groups=memberships)
        if not mastery.is_editable(before):
            refusal = await mastery.contact_read_only(self._caller, before)
            raise ImportRefused(RowProblem(None, refusal.code, refusal.message, row.email_address))
        await self._refuse_taken(row, after, identifier)
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
            raise self._refusals.manager(row, "MANAGER_CYCLE", "is managed by this contact, directly or not")
        after["managerId"] = manager

    def _manager(self, row: ImportRow) -> str:
        """The id of the row's manager."""
        if row.manager_id:
            if row.manager_id in self._found.managers:
                return row.manager_id
            raise self._refusals.manager(row, "MANAGER_NOT_FOUND", "is no contact's")
        address = compared_address(row.manager or "")
        holder = self._holder(address)
        if holder and holder.kind == "contact":
            return holder.id
        place = self._memory.index.get(address)
        if place == row.place:
            raise self._refusals.manager(row, "MANAGER_CYCLE", "is the contact itself")
        if place and self._is_undecided(place):
            if self._may_wait:
                raise _Waits
            raise self._refusals.manager(
                row, "MANAGER_CYCLE", f"is in {where(row, place)}, which waits for this one, or for too many"
            )
        why = f"is in {where(row, place)}, which was refused" if place else "is no contact's, here or in the file"
        raise self._refusals.manager(row, "MANAGER_NOT_FOUND", why)

    def _is_undecided(self, place: int) -> bool:
        past = place > self._memory.frontier or place in self._memory.waiting
        return past and place not in self._decided

    async def _wait_for(self, row: ImportRow, ids: Collection[str]) -> None:
        """Let the row wait if a later one may yet change one of these contacts, which stand in its way."""
        if self._on_match != "UPDATE" or not self._may_wait:
            return
        found = await contacts.get_many(self._caller.db, ids, self._session, ["emailAddress", "aliases"])
        for address in chain.from_iterable(map(addresses, found.values())):
            place = self._memory.index.get(address)
            if place and place != row.place and self._is_undecided(place):
                raise _Waits

    def _holder(self, address: str) -> Holder | None:
        is_planned, identifier = self._overlay.holder(address)
        if is_planned:
            return None if identifier is None else Holder(identifier, "contact")
        return self._found.holders.get(address)

    async def _refuse_taken(self, row: ImportRow, contact: Document, identifier: str) -> None:
        for address in addresses(contact):
            if (holder := self._holder(address)) and holder.id != identifier:
                await self._wait_for(row, [holder.id])
                raise await self._taken(row, address, holder)

    async def _taken(self, row: ImportRow, address: str, holder: Holder) -> ImportRefused:
        read = contacts.get if holder.kind == "contact" else groups.get
        return self._refusals.taken(row, address, holder, await read(self._caller.db, holder.id, self._session))
