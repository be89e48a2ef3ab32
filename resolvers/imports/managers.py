"""Who is above whom, as far as the rows of a batch ask for it: what they change is laid over what the directory has."""

from collections.abc import Collection, Sequence

from resolvers.caller import Caller
from resolvers.files.rows import ImportRow, compared_address
from resolvers.imports.lookups import Lookups
from resolvers.imports.overlay import Overlay
from storage import contacts
from storage.driver import Session


class Chains:
    """The chains of managers of one batch; `planned` has what its rows change."""

    def __init__(self, caller: Caller, session: Session | None, planned: Overlay) -> None:
        self._db = caller.db
        self._session = session
        self._planned = planned
        self._above: dict[str, str | None] = {}

    async def read(self, rows: Sequence[ImportRow], found: Lookups) -> None:
        """Read at once who is above those that become managers of contacts that exist."""
        named = {compared_address(row.manager) for row in rows if row.manager}
        holders = [holder for address in named if (holder := found.holders.get(address))]
        ids = {holder.id for holder in holders} | set(found.managers)
        ids -= {each.get("managerId") for each in found.contacts.values()}
        if ids:
            self._above = await contacts.managers_above(self._db, ids, self._session)

    async def between(self, manager: str, contact: str) -> Collection[str]:
        """The chain of managers that begins with this one, if it comes to the contact; else none."""
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
