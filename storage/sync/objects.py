"""Contacts and groups synced from Active Directory, by objectGUID, and contacts that were made cloud-only."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from pymongo import UpdateOne

from storage import claims
from storage.documents import Document
from storage.driver import Collection, Database, Session

_BATCH = 5_000


async def contacts(db: Database) -> list[Document]:
    """All synced contacts as `{_id, managerId, onPremises}`."""
    return await _all(db.contacts, ["managerId", "onPremises"])


async def groups(db: Database) -> list[Document]:
    """All synced groups as `{_id, onPremises}`."""
    return [each for each in await _all(db.groups, ["onPremises", "deleting"]) if "deleting" not in each]


async def note_seen(db: Database, seen: Mapping[str, Document], session: Session) -> None:
    """Update the bookkeeping of unchanged contacts. Adds no version and no history."""
    if seen:
        writes = [
            UpdateOne(
                {"_id": identifier, "source": "SYNCED"},
                {"$set": {f"onPremises.{name}": value for name, value in noted.items()}},
            )
            for identifier, noted in seen.items()
        ]
        await db.contacts.bulk_write(writes, session=session)


async def note_group(db: Database, identifier: str, noted: Document, session: Session) -> None:
    """Update the bookkeeping of a group."""
    await db.groups.update_one(
        {"_id": identifier, "source": "SYNCED"},
        {"$set": {f"onPremises.{name}": value for name, value in noted.items()}},
        session=session,
    )


async def remember_cloud_only(db: Database, guids: Mapping[str, str], by: str, at: datetime, session: Session) -> None:
    """Record that the contacts of these directory objects were made cloud-only: contact IDs by objectGUID."""
    if guids:
        await db.cloud_only.insert_many(
            [{"_id": guid, "contactId": contact, "by": by, "at": at} for guid, contact in guids.items()],
            session=session,
        )


async def cloud_only(
    db: Database, guids: Iterable[str] | None = None, session: Session | None = None
) -> dict[str, str]:
    """The IDs of the contacts that were made cloud-only, by objectGUID: all of them, or those of these objects."""
    query = {} if guids is None else {"_id": {"$in": list(guids)}}
    return {each["_id"]: each["contactId"] async for each in db.cloud_only.find(query, session=session)}


async def cloud_only_ids(db: Database, ids: Sequence[str], session: Session) -> set[str]:
    """The IDs of those of these contacts that were made cloud-only."""
    if not ids:
        return set()
    cursor = db.cloud_only.find({"contactId": {"$in": list(ids)}}, ["contactId"], session=session)
    return {each["contactId"] async for each in cursor}


async def ids(db: Database, guids: Sequence[str], session: Session | None = None) -> dict[str, str]:
    """The IDs of the contacts of these directory objects by objectGUID, including those made cloud-only."""
    if not guids:
        return {}
    kept = await cloud_only(db, guids, session)
    if kept:  # cloud contacts may have been deleted
        present = db.contacts.find({"_id": {"$in": list(kept.values())}}, ["_id"], session=session)
        there = {contact["_id"] async for contact in present}
        kept = {guid: identifier for guid, identifier in kept.items() if identifier in there}
    return kept | await claims.synced_ids(db, guids, session)


async def _all(collection: Collection, fields: Sequence[str]) -> list[Document]:
    return await collection.find({"source": "SYNCED"}, fields, batch_size=_BATCH).to_list(None)
