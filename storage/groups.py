"""Distribution groups: their documents, and their memberships, which are stored in the contacts as `groupIds`.

A group's `memberCount` changes in the transaction that changes memberships. A deleted group is first marked
(`deleting`), which hides it and frees its address immediately. Its members are then removed in batches, so that a group
of any size can be deleted, and the next start of the service finishes a deletion that was interrupted.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime

from pymongo import ReturnDocument

from storage import claims, keys
from storage.documents import Document, Source, now
from storage.driver import Database, Session
from storage.lists import find_command, pages
from storage.lists.pages import Ordering, Page, Window
from storage.lists.selection import begins

BY_NAME = Ordering("keys.name", of="groups")
_BATCH = 1_000
_NAMES_A_QUERY = 100

Write = Callable[[Session], Awaitable[Document]]
ChangeMembers = Callable[[Database, str, Sequence[str], Session], Awaitable[int]]
_PRESENT = {"deleting": {"$exists": False}}
# Only the sync may write a synced group. As for contacts, this is a condition of the write.
_WRITTEN_BY: dict[Source, Document] = {"CLOUD": {"source": {"$ne": "SYNCED"}}, "SYNCED": {"source": "SYNCED"}}


async def get(db: Database, identifier: str, session: Session | None = None) -> Document | None:
    """The group with this ID, or None."""
    return await find_command.find_one(db.groups, {"_id": identifier, **_PRESENT}, session=session)


async def get_many(db: Database, ids: Iterable[str], session: Session | None = None) -> dict[str, Document]:
    """The groups with these IDs, keyed by ID. Unknown IDs are left out."""
    wanted = list(ids)
    query = {"_id": {"$in": wanted}, **_PRESENT}
    found = await find_command.find(db.groups, query, limit=len(wanted) or 1, session=session)
    return {group["_id"]: group for group in found}


async def by_address(db: Database, address: str) -> Document | None:
    """The group with this address, or None."""
    for holder in (await claims.holders(db, [address])).values():
        if holder.kind == "group":
            return await get(db, holder.id)
    return None


async def by_names(db: Database, names: Iterable[str], session: Session | None = None) -> dict[str, list[str]]:
    """The IDs of the groups with these names, ignoring case and accents, keyed by the folded name."""
    wanted = sorted({keys.fold(name) for name in names})
    found: dict[str, list[str]] = {name: [] for name in wanted}
    for start in range(0, len(wanted), _NAMES_A_QUERY):
        ranges = [
            {"keys.name": {"$gte": f"{name}\0", "$lt": f"{name}\1"}} for name in wanted[start : start + _NAMES_A_QUERY]
        ]
        for group in await find_command.find(db.groups, {"$or": ranges, **_PRESENT}, ["keys.name"], session=session):
            found[group["keys"]["name"].rpartition("\0")[0]].append(group["_id"])
    return found


async def page(db: Database, window: Window, terms: Sequence[str] = (), ids: Sequence[str] | None = None) -> Page:
    """One page of the groups that match all search terms, in display-name order, only these `ids` if given."""
    return await pages.read(db.groups, _query(terms, ids), BY_NAME, window)


async def count(db: Database, terms: Sequence[str] = (), ids: Sequence[str] | None = None) -> int:
    """The number of groups on all pages."""
    return await find_command.count(db.groups, _query(terms, ids))


async def insert(db: Database, group: Document, session: Session) -> Document:
    """Add a group and claim its address. Raises `claims.Taken`."""
    complete = _complete(group)
    await db.groups.insert_one(complete, session=session)
    await claims.move(db, *claims.moved(None, complete, "group"), session)
    return complete


async def replace(
    db: Database, before: Document, after: Document, at: datetime, session: Session, source: Source = "CLOUD"
) -> Document | None:
    """Write the new fields of a group of this source and return it, or None if there is none. Raises `claims.Taken`."""
    complete = _complete({**after, "updatedAt": at})
    fields = {name: value for name, value in complete.items() if name not in ("_id", "memberCount", "version")}
    written = await db.groups.find_one_and_update(
        {"_id": before["_id"], **_PRESENT, **_WRITTEN_BY[source]},
        {"$set": fields, "$inc": {"version": 1}, "$unset": dict.fromkeys(before.keys() - complete.keys(), "")},
        return_document=ReturnDocument.AFTER,
        session=session,
    )
    if written is not None:
        await claims.move(db, *claims.moved(before, complete, "group"), session)
    return written


async def mark_deleted(db: Database, identifier: str, session: Session, source: Source = "CLOUD") -> bool:
    """Hide a group of this source and free its address. Returns whether there was one.

    Call `finish_deletions` after the transaction.
    """
    group = await db.groups.find_one_and_update(
        {"_id": identifier, **_PRESENT, **_WRITTEN_BY[source]}, {"$set": {"deleting": now()}}, session=session
    )
    if group is None:
        return False
    await claims.move(db, *claims.moved(group, None, "group"), session)
    return True


async def finish_deletions(db: Database) -> None:
    """Remove the members of groups marked as deleted, then the groups. Safe to repeat and to run concurrently."""
    async for group in db.groups.find({"deleting": {"$exists": True}}, ["_id"]):
        identifier = group["_id"]
        while members := await db.contacts.find({"groupIds": identifier}, ["_id"], limit=_BATCH).to_list(None):
            ids = [member["_id"] for member in members]
            await _pull(db, identifier, ids, None)
        await db.groups.delete_one({"_id": identifier})


async def add_members(db: Database, identifier: str, contact_ids: Sequence[str], session: Session) -> int:
    """Add these contacts to a group. Returns the change of the member count: existing members do not count."""
    result = await db.contacts.update_many(
        {"_id": {"$in": list(contact_ids)}, "groupIds": {"$ne": identifier}},
        {"$push": {"groupIds": identifier}},
        session=session,
    )
    return result.modified_count


async def remove_members(db: Database, identifier: str, contact_ids: Sequence[str], session: Session) -> int:
    """Remove these contacts from a group. Returns the change of the member count, which is zero or negative."""
    return -await _pull(db, identifier, contact_ids, session)


async def count_members(
    db: Database, identifier: str, step: int, session: Session, source: Source = "CLOUD"
) -> Document | None:
    """Change the member count along with the memberships, and return the group.

    Returns None if there is no such group of this source. Abort the transaction then.
    """
    return await db.groups.find_one_and_update(
        {"_id": identifier, **_PRESENT, **_WRITTEN_BY[source]},
        {"$inc": {"memberCount": step}},
        return_document=ReturnDocument.AFTER,
        session=session,
    )


async def member_ids(db: Database, identifier: str) -> set[str]:
    """The IDs of a group's members."""
    cursor = db.contacts.find({"groupIds": identifier}, ["_id"], hint="members", batch_size=5_000)
    return {member["_id"] async for member in cursor}


async def _pull(db: Database, identifier: str, contact_ids: Sequence[str], session: Session | None) -> int:
    """Remove the group from the contacts' `groupIds`, and the whole field if nothing is left in it."""
    others = {"$setDifference": ["$groupIds", [identifier]]}
    result = await db.contacts.update_many(
        {"_id": {"$in": list(contact_ids)}, "groupIds": identifier},
        [{"$set": {"groupIds": {"$cond": [{"$eq": [others, []]}, "$$REMOVE", others]}}}],
        session=session,
    )
    return result.modified_count


def _complete(group: Document) -> Document:
    address = keys.address_key(group["emailAddress"])
    derived = {
        "name": keys.sort_key(group["displayName"], group["_id"]),
        "words": keys.group_words(group["displayName"], address),
    }
    return {**group, "keys": derived}


def _query(terms: Sequence[str], ids: Sequence[str] | None) -> Document:
    query: Document = dict(_PRESENT)
    if ids is not None:
        query["_id"] = {"$in": list(ids)}
    if terms:
        query["$and"] = [begins(term) for term in terms]
    return query
