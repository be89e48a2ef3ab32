"""What the directory has of what a batch of rows names, read in a fixed number of queries."""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice

from resolvers.caller import Caller
from resolvers.files.rows import MAX_GROUPS, ImportRow, compared_address, looked_up
from resolvers.imports.overlay import Overlay
from storage import claims, contacts, groups
from storage.claims import Holder
from storage.documents import Document
from storage.driver import Session
from storage.keys import fold

_INDECISIVE = frozenset({"keys", "memberCount"})


@dataclass(slots=True)
class Lookups:
    """The holders of the addresses that rows name, the contacts that rows meet, and the groups of both: no more of
    them than decides what becomes of the rows, so that equal ones decide alike.

    `named` has the ids of groups by folded name, `managers` the ids that rows name as managers' and that there are.
    """

    holders: Mapping[str, Holder]
    contacts: Mapping[str, Document]
    groups: Mapping[str, Document]
    named: Mapping[str, Sequence[str]]
    managers: Collection[str]


async def look_up(
    caller: Caller,
    rows: Sequence[ImportRow],
    session: Session | None = None,
    planned: Overlay | None = None,
    but: Set[str] = frozenset(),
) -> Lookups:
    """Read what these rows name, with the session that the changes will be written with, if there is one.

    `planned` changes are taken for written. The addresses in `but` are not looked up.
    """
    db = caller.db
    rows = [row for row in rows if not row.problems]
    named = {entry for row in rows for entry in islice(row.groups or (), MAX_GROUPS)}
    wanted = {address for row in rows for address in row.addresses}
    wanted.update(looked_up([compared_address(row.manager) for row in rows if row.manager]))
    wanted.update(looked_up([compared_address(entry) for entry in named]))
    wanted -= but
    holders = await claims.holders(db, wanted, session) if wanted else {}
    if planned:
        _lay_over(holders, wanted, planned)
    met = {holder.id for row in rows if (holder := holders.get(row.email_address)) and holder.kind == "contact"}
    found = _decisive(await contacts.get_many(db, met, session)) if met else {}
    by_name = await groups.by_names(db, {entry for entry in named if fold(entry)}, session) if named else {}
    says_groups = any(row.groups is not None for row in rows)
    ids = {holder.id for holder in holders.values() if holder.kind == "group"}
    ids.update(*by_name.values(), *(contact.get("groupIds", ()) for contact in found.values() if says_groups))
    present = _decisive(await groups.get_many(db, ids, session)) if ids else {}
    manager_ids = {row.manager_id for row in rows if row.manager_id}
    managers = await contacts.get_many(db, manager_ids, session, ["_id"]) if manager_ids else {}
    return Lookups(holders, found, present, by_name, set(managers))


def _lay_over(holders: dict[str, Holder], wanted: Collection[str], planned: Overlay) -> None:
    for address in wanted:
        is_planned, identifier = planned.holder(address)
        if identifier is not None:
            holders[address] = Holder(identifier, "contact")
        elif is_planned:
            holders.pop(address, None)


def _decisive(documents: Mapping[str, Document]) -> dict[str, Document]:
    """The documents without what other writes than those of their own fields alter."""
    return {
        identifier: {name: value for name, value in document.items() if name not in _INDECISIVE}
        for identifier, document in documents.items()
    }
