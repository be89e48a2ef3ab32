"""The history of contacts: `storage.writing` adds a record with each change."""

from collections.abc import Mapping

from storage.documents import Document
from storage.driver import Database, Session
from storage.lists import find_command, pages
from storage.lists.pages import Ordering, Page, Window

LATEST_FIRST = Ordering("_id", descending=True, of="history")


async def page(db: Database, contact_id: str, window: Window) -> Page:
    """One page of a contact's changes, latest first."""
    return await pages.read(db.history, {"contactId": contact_id}, LATEST_FIRST, window)


async def count(db: Database, contact_id: str) -> int:
    """The number of recorded changes of a contact."""
    return await find_command.count(db.history, {"contactId": contact_id})


async def at_versions(db: Database, versions: Mapping[str, int], session: Session | None = None) -> dict[str, Document]:
    """The records of the changes that produced these versions of contacts, keyed by the contact's ID."""
    query = {"contactId": {"$in": list(versions)}, "version": {"$in": list(set(versions.values()))}}
    cursor = db.history.find(query, session=session)
    return {
        record["contactId"]: record async for record in cursor if record["version"] == versions[record["contactId"]]
    }
