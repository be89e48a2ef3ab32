"""Chains of managers, with the planned changes of a batch applied on top of the stored contacts."""

from collections.abc import Collection, Sequence

from resolvers.caller import Caller
from resolvers.files.rows import ImportRow, compared_address
from resolvers.imports.lookups import Lookups
from resolvers.imports.overlay import Overlay
from storage import contacts
from storage.driver import Session


class Chains:
    """The chains of managers for one batch. `planned` has the changes of its rows."""

    def __init__(self, caller: Caller, session: Session | None, planned: Overlay) -> None:
        self._db = caller.db
        self._session = session
        self._planned = planned
        self._above: dict[str, str | None] = {}

    async def read(self, rows: Sequence[ImportRow], found: Lookups) -> None:
        """Read the managers above all new managers of existing contacts in one query."""
        named = {compared_address(row.manager) for row in rows if row.manager}
        holders = [holder for address in named if (holder := found.holders.get(address))]
        ids = {holder.id for holder in holders} | set(found.managers)
        ids -= {each.get("managerId") for each in found.contacts.values()}
        if ids:
            self._above = await contacts.managers_above(self._db, ids, self._session)

    async def between(self, manager: str, contact: str) -> Collection[str]:
        """The chain of managers from this one up to the contact, or nothing if it does not reach the contact."""
        seen: dict[str, None] = {}
        current: str | None = manager
        while current is not None and current not in seen:
            if current == contact:
                return [*seen, contact]
            seen[current] = None
            current = await self._manager_of(current)
        return ()

    async def _manager_of(self, identifier: str) -> str | None:
        is_planned, manager = self._planned.manager(identifier)
        if is_planned:
            return manager
        if identifier not in self._above:
            self._above |= await contacts.managers_above(self._db, [identifier], self._session)
        return self._above[identifier]
