"""What is here of Active Directory: synced contacts and groups by objectGUID, and contacts that were handed over."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from pymongo import UpdateOne

from storage import claims
from storage.documents import Document
from storage.driver import Collection, Database, Session

_BATCH = 5_000


async def contacts(db: Database) -> list[Document]:
    """Every synced contact as `{_id, managerId, onPremises}`."""
    return await _all(db.contacts, ["managerId", "onPremises"])


async def groups(db: Database) -> list[Document]:
    """Every synced group as `{_id, onPremises}`."""
    return [each for each in await _all(db.groups, ["onPremises", "deleting"]) if "deleting" not in each]


async def note_seen(db: Database, seen: Mapping[str, Document], session: Session) -> None:
    """Note what the directory counts of contacts that are otherwise unchanged: no new version, no history."""
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
    """Note what the directory counts of a group."""
    await db.groups.update_one(
        {"_id": identifier, "source": "SYNCED"},
        {"$set": {f"onPremises.{name}": value for name, value in noted.items()}},
        session=session,
    )


async def remember_cloud_only(db: Database, guids: Mapping[str, str], by: str, at: datetime, session: Session) -> None:
    """Remember that these directory objects, by objectGUID, were made the contacts with these ids for good."""
    if guids:
        await db.cloud_only.insert_many(
            [{"_id": guid, "contactId": contact, "by": by, "at": at} for guid, contact in guids.items()],
            session=session,
        )


async def cloud_only(
    db: Database, guids: Iterable[str] | None = None, session: Session | None = None
) -> dict[str, str]:
    """The ids of the contacts that were handed over, keyed by objectGUID; of all, or of these."""
    query = {} if guids is None else {"_id": {"$in": list(guids)}}
    return {each["_id"]: each["contactId"] async for each in db.cloud_only.find(query, session=session)}


async def cloud_only_ids(db: Database, ids: Sequence[str], session: Session) -> set[str]:
    """Which of these contacts were handed over."""
    if not ids:
        return set()
    cursor = db.cloud_only.find({"contactId": {"$in": list(ids)}}, ["contactId"], session=session)
    return {each["contactId"] async for each in cursor}


async def ids(db: Database, guids: Sequence[str], session: Session | None = None) -> dict[str, str]:
    """The ids of what these directory objects are here, keyed by objectGUID, handed over or not."""
    if not guids:
        return {}
    kept = await cloud_only(db, guids, session)
    if kept:  # in the cloud they may have been deleted
        present = db.contacts.find({"_id": {"$in": list(kept.values())}}, ["_id"], session=session)
        there = {contact["_id"] async for contact in present}
        kept = {guid: identifier for guid, identifier in kept.items() if identifier in there}
    return kept | await claims.synced_ids(db, guids, session)


async def _all(collection: Collection, fields: Sequence[str]) -> list[Document]:
    return await collection.find({"source": "SYNCED"}, fields, batch_size=_BATCH).to_list(None)
