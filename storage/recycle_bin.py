"""Deleted contacts, kept for 30 days (`storage.documents.RETENTION`) and then removed by a TTL index."""

from collections.abc import Iterable, Sequence

from storage.documents import Document
from storage.driver import Database, Session
from storage.lists import find_command, pages
from storage.lists.pages import Ordering, Page, Window

LATEST_FIRST = Ordering("key", descending=True, of="deletedContacts")


async def get(db: Database, identifier: str, session: Session | None = None) -> Document | None:
    """The entry of a deleted contact, or None: `{contact, deletedAt, deletedBy, purgeAt, reportIds}`."""
    return await find_command.find_one(db.deleted_contacts, {"_id": identifier}, session=session)


async def get_many(db: Database, ids: Iterable[str]) -> dict[str, Document]:
    """The entries of the deleted contacts with these IDs, keyed by ID. IDs that are not deleted are left out."""
    wanted = list(ids)
    found = await find_command.find(db.deleted_contacts, {"_id": {"$in": wanted}}, limit=len(wanted) or 1)
    return {entry["_id"]: entry for entry in found}


async def by_guids(db: Database, guids: Sequence[str], session: Session) -> dict[str, Document]:
    """The entries of deleted contacts that were synced from these directory objects, keyed by objectGUID."""
    cursor = db.deleted_contacts.find({"contact.onPremises.objectGuid": {"$in": list(guids)}}, session=session)
    return {entry["contact"]["onPremises"]["objectGuid"]: entry async for entry in cursor}


async def take_out(db: Database, ids: Sequence[str], session: Session) -> int:
    """Remove the entries of contacts restored in this transaction, and return how many there were.

    Their managers and reports that are still in the bin keep the link, so that it is back when they are restored.
    """
    entries = await db.deleted_contacts.find({"_id": {"$in": list(ids)}}, session=session).to_list(None)
    for entry in entries:
        await _keep_links(db, entry, session)
    return (await db.deleted_contacts.delete_many({"_id": {"$in": list(ids)}}, session=session)).deleted_count


async def _keep_links(db: Database, entry: Document, session: Session) -> None:
    """Add a contact to the entries of its manager and reports. A report that has another manager by now keeps it."""
    returning, manager = entry["_id"], entry["contact"].get("managerId")
    if manager:
        await db.deleted_contacts.update_one({"_id": manager}, {"$addToSet": {"reportIds": returning}}, session=session)
    unmanaged = {"contact.source": "CLOUD", "contact.managerId": {"$exists": False}}
    await db.deleted_contacts.update_many(
        {"_id": {"$in": entry["reportIds"]}, **unmanaged}, {"$set": {"contact.managerId": returning}}, session=session
    )


async def forget(db: Database, ids: Sequence[str], session: Session) -> None:
    """Permanently delete contacts that were deleted in this transaction."""
    await db.deleted_contacts.delete_many({"_id": {"$in": list(ids)}}, session=session)


async def page(db: Database, window: Window) -> Page:
    """One page of the deleted contacts, latest first."""
    return await pages.read(db.deleted_contacts, {}, LATEST_FIRST, window)


async def count(db: Database) -> int:
    """The number of deleted contacts."""
    return await find_command.count(db.deleted_contacts, {})
