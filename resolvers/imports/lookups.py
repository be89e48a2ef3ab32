"""The existing contacts and groups that a batch of rows refers to, read in a fixed number of queries."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from resolvers.caller import Caller
from resolvers.files.rows import MAX_GROUPS, ImportRow, compared_address, looked_up
from storage import claims, contacts, groups
from storage.claims import Holder
from storage.documents import Document
from storage.driver import Session
from storage.keys import fold


@dataclass(slots=True)
class Lookups:
    """The holders of the addresses in the rows, the contacts that rows match, and the groups of both.

    `named` has the IDs of groups by folded name. `managers` has the manager IDs in the rows that exist.
    """

    holders: Mapping[str, Holder]
    contacts: Mapping[str, Document]
    groups: Mapping[str, Document]
    named: Mapping[str, Sequence[str]]
    managers: Collection[str]


async def look_up(caller: Caller, rows: Sequence[ImportRow], session: Session | None = None) -> Lookups:
    """Read what these rows refer to, in the session that will write the changes, if there is one."""
    db = caller.db
    rows = [row for row in rows if not row.problems]
    named = {entry for row in rows for entry in islice(row.groups or (), MAX_GROUPS)}
    wanted = {address for row in rows for address in row.addresses}
    wanted.update(looked_up([compared_address(row.manager) for row in rows if row.manager]))
    wanted.update(looked_up([compared_address(entry) for entry in named]))
    holders = await claims.holders(db, wanted, session) if wanted else {}
    matched = {holder.id for row in rows if (holder := holders.get(row.email_address)) and holder.kind == "contact"}
    found = await contacts.get_many(db, matched, session) if matched else {}
    by_name = await groups.by_names(db, {entry for entry in named if fold(entry)}, session) if named else {}
    names_groups = any(row.groups is not None for row in rows)
    ids = {holder.id for holder in holders.values() if holder.kind == "group"}
    ids.update(*by_name.values(), *(contact.get("groupIds", ()) for contact in found.values() if names_groups))
    present = await groups.get_many(db, ids, session) if ids else {}
    manager_ids = {row.manager_id for row in rows if row.manager_id}
    managers = await contacts.get_many(db, manager_ids, session, ["_id"]) if manager_ids else {}
    return Lookups(holders, found, present, by_name, set(managers))
