"""Writes changes in one transaction, and decides again if others have changed the same contacts."""

from collections.abc import Awaitable, Callable, Sequence

from resolvers import audit_log, mastery, rules
from resolvers.caller import Caller
from resolvers.errors import Busy, EmailAddressTaken, ManagerCycle, NotFound
from storage import changes, claims, contacts, groups, writing
from storage.changes import Change
from storage.driver import Session

_ATTEMPTS = 20

Decide = Callable[[Session], Awaitable[Sequence[Change]]]
AlsoWrite = Callable[[Session], Awaitable[None]]


async def commit(caller: Caller, decide: Decide, also: AlsoWrite | None = None) -> Sequence[Change]:
    """Write the changes that `decide` returns, and return them. `also` makes other writes in the same transaction.

    The caller's action is recorded in the audit log, unless nothing changes.

    `decide` must read with the given session, so that the changes apply to what it has read. It runs again if a
    contact was changed meanwhile. Raises `ContactReadOnly`, `EmailAddressTaken`, `NotFound` (a manager),
    `ManagerCycle`, `Busy`, and what `decide` raises.
    """
    for _ in range(_ATTEMPTS):
        decided: list[Change] = []

        async def work(session: Session, decided: list[Change] = decided) -> None:
            decided[:] = await decide(session)
            if decided:
                await writing.apply(caller.db, decided, caller.author, caller.clock(), session)
                await _check_managers(caller, decided, session)
                await audit_log.record(caller, [each.contact["_id"] for each in decided], session)
            if also:
                await also(session)

        try:
            await caller.db.transaction(work)
        except changes.Outdated:
            await _refuse_synced(caller, decided)
        except claims.Taken as taken:
            await refuse_taken(caller, taken.value)
        else:
            return decided
    raise Busy


async def refuse_taken(caller: Caller, address: str) -> None:
    """Raise `EmailAddressTaken` with the holder of the address. Returns if the address is free by now."""
    for holder in (await claims.holders(caller.db, [address])).values():
        read = contacts.get if holder.kind == "contact" else groups.get
        if document := await read(caller.db, holder.id):
            raise EmailAddressTaken(address, document, holder.kind)


async def _refuse_synced(caller: Caller, decided: Sequence[Change]) -> None:
    """Raise `ContactReadOnly` if the changes failed because a contact is synced."""
    if caller.author.is_sync:
        return
    for change in decided:
        if change.before and not mastery.is_editable(change.before) and change.action != "HANDED_OVER":
            raise await mastery.contact_read_only(caller, change.before)


async def _check_managers(caller: Caller, decided: Sequence[Change], session: Session) -> None:
    """Check that the managers just set exist, keep them from being deleted, and check that they form no cycle."""
    moved = [
        change
        for change in decided
        if change.after
        and (manager := change.after.get("managerId"))
        and manager != (change.before or {}).get("managerId")
    ]
    if not moved:
        return
    managed: dict[str, str] = {change.contact["_id"]: change.contact["managerId"] for change in moved}
    # New and restored contacts have no reports yet, so they can only form cycles with each other.
    are_new = all(change.before is None for change in moved)
    if not are_new:
        await contacts.lock_managers(caller.db, session)
    present = {change.contact["_id"] for change in decided if change.before is None}
    present.update(await contacts.pin(caller.db, set(managed.values()) - present, session))
    for manager in managed.values():
        if manager not in present:
            raise NotFound("contact", manager, "managerId")
    above = managed if are_new else await contacts.managers_above(caller.db, managed, session)
    if chain := rules.manager_cycle(above, list(managed)):
        named = await contacts.get_many(caller.db, chain, session)
        raise ManagerCycle([named[each] for each in chain])
