"""Reads contacts: by ID, by address, as pages of a list, as a count, and as a stream."""

from collections.abc import AsyncGenerator, Collection, Iterable, Sequence

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import ExecutionTimeout

from storage import claims, statistics
from storage.documents import Document
from storage.driver import Database, Session
from storage.lists import find_command, intersection, pages
from storage.lists.index_choice import hint
from storage.lists.pages import Ordering, Page, Window
from storage.lists.selection import Selection

# The default projection of a contact: everything but a long key that only the index needs.
_WHOLE = {"keys.prefixes": 0}
# The default projection of a list: also without the other keys that only serve to select contacts.
_LISTED = {"keys.words": 0, "keys.prefixes": 0, "keys.facets": 0}


async def get(
    db: Database, identifier: str, session: Session | None = None, projection: Sequence[str] | None = None
) -> Document | None:
    """The contact with this ID, or None."""
    return await find_command.find_one(db.contacts, {"_id": identifier}, projection or _WHOLE, session)


async def get_many(
    db: Database, ids: Iterable[str], session: Session | None = None, projection: Sequence[str] | None = None
) -> dict[str, Document]:
    """The contacts with these IDs, keyed by ID. Unknown IDs are left out."""
    wanted = list(ids)
    query, fields = {"_id": {"$in": wanted}}, projection or _WHOLE
    found = await find_command.find(db.contacts, query, fields, limit=len(wanted) or 1, session=session)
    return {contact["_id"]: contact for contact in found}


async def by_address(db: Database, address: str) -> Document | None:
    """The contact that has this primary address or alias, or None."""
    holders = await claims.holders(db, [address])
    for holder in holders.values():
        if holder.kind == "contact":
            return await get(db, holder.id)
    return None


async def page(
    db: Database,
    selection: Selection,
    ordering: Ordering,
    window: Window,
    projection: Sequence[str] | None = None,
) -> Page:
    """One page of a list. `projection` names the stored fields to read; None reads all."""
    how = await hint(db, selection, ordering)
    fields = _LISTED if projection is None else dict.fromkeys([*projection, ordering.field], 1)
    if how.leads and how.otherwise:
        if met := await intersection.read(db, selection, how.leads, ordering, window, fields):
            return met
        how = how.otherwise
    while True:
        try:
            query = selection.query(how.lead)
            return await pages.read(db.contacts, query, ordering, window, fields, how.index, how.most_ms)
        except ExecutionTimeout:
            if how.otherwise is None:
                raise
            how = how.otherwise


async def count(db: Database, selection: Selection) -> int:
    """The number of selected contacts, taken from the statistics if possible."""
    if selection.is_counted:
        return statistics.total(await statistics.read(db), selection.sources, selection.gals)
    how = await hint(db, selection, Ordering("keys.name"))
    return await find_command.count(db.contacts, selection.query(how.lead), hint=how.index)


async def batches(
    db: Database, selection: Selection, ordering: Ordering, size: int, projection: Sequence[str]
) -> AsyncGenerator[list[Document]]:
    """All selected contacts in order, with these fields, in batches that are read as they are consumed."""
    how = await hint(db, selection, ordering)
    cursor = db.contacts.find(
        selection.query(how.lead),
        projection=projection,
        sort=[(ordering.field, DESCENDING if ordering.descending else ASCENDING)],
        hint=how.index,
        batch_size=size,
        allow_disk_use=True,
    )
    try:
        while found := await cursor.to_list(size):
            yield found
    finally:
        await cursor.close()


async def managers_above(db: Database, ids: Iterable[str], session: Session | None = None) -> dict[str, str | None]:
    """The manager of each of these contacts and of everyone above them, None at the top."""
    above: dict[str, str | None] = {}
    level = set(ids)
    while level:
        found = await get_many(db, level, session, ["managerId"])
        above |= {each: found.get(each, {}).get("managerId") for each in level}
        level = {manager for manager in above.values() if manager is not None and manager not in above}
    return above


async def reports_of(db: Database, ids: Sequence[str], session: Session) -> list[Document]:
    """The contacts whose manager is one of these."""
    return await db.contacts.find({"managerId": {"$in": list(ids)}}, session=session).to_list(None)


async def pin(db: Database, ids: Collection[str], session: Session) -> Collection[str]:
    """Keep these contacts from being deleted until the transaction ends, and return the IDs that exist.

    Increments a counter that isn't part of the contact's data, so that a concurrent deletion conflicts.
    """
    if not ids:
        return ()
    pinned = await db.contacts.update_many({"_id": {"$in": list(ids)}}, {"$inc": {"keys.pins": 1}}, session=session)
    return ids if pinned.matched_count == len(ids) else (await get_many(db, ids, session, ["_id"])).keys()


async def lock_managers(db: Database, session: Session) -> None:
    """Let only one transaction at a time set managers: two at once could close a cycle that neither sees."""
    await db.state.update_one({"_id": "managers"}, {"$inc": {"changes": 1}}, upsert=True, session=session)
