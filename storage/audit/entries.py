"""The entries of the audit log. Their IDs sort by time, and entries expire after the retention."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne

from storage.documents import Document, created_at, first_id, utc
from storage.driver import Database, Session
from storage.lists import find_command, pages
from storage.lists.pages import Ordering, Page, Window

LATEST_FIRST = Ordering("_id", descending=True, of="audit")
INDEXES = [
    IndexModel([(field, ASCENDING), ("_id", DESCENDING)], name=name)
    for field, name in (("actorId", "actor"), ("action", "action"), ("targetIds", "target"))
]
_EXPIRY = "expiry"


@dataclass(frozen=True, slots=True)
class AuditSelection:
    """The entries that have all these values. `None` matches any value. `since` is inclusive, `until` is not."""

    actor_id: str | None = None
    action: str | None = None
    outcome: str | None = None
    channel: str | None = None
    target_id: str | None = None
    address: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def given(self) -> Document:
        """The values, as the API names and shows them."""
        own = {
            "actorId": self.actor_id,
            "action": self.action,
            "outcome": self.outcome,
            "channel": self.channel,
            "targetId": self.target_id,
            "address": self.address,
            "since": self.since and utc(self.since),
            "until": self.until and utc(self.until),
        }
        return {name: value for name, value in own.items() if value is not None}

    def query(self) -> Document:
        """The MongoDB filter."""
        equal = {
            "actorId": self.actor_id,
            "action": self.action,
            "outcome": self.outcome,
            "channel": self.channel,
            "targetIds": self.target_id,
            "address": self.address,
        }
        times = {"$gte": self.since and first_id(self.since), "$lt": self.until and first_id(self.until)}
        bounds = {name: value for name, value in times.items() if value is not None}
        return {name: value for name, value in equal.items() if value is not None} | ({"_id": bounds} if bounds else {})


async def insert(db: Database, entry: Document, session: Session | None = None) -> None:
    """Add an entry. Its time is that of its ID."""
    await db.audit.insert_one({**entry, "at": created_at(entry["_id"])}, session=session)


async def add_failures(db: Database, failures: Mapping[tuple[str, datetime], int], template: Document) -> None:
    """Add to the numbers of failed sign-ins, by address and minute. Each has one entry, made from the template."""
    await db.audit.bulk_write(
        [
            UpdateOne(
                {"_id": _failure_id(address, minute)},
                {"$inc": {"count": count}, "$setOnInsert": {**template, "address": address, "at": minute}},
                upsert=True,
            )
            for (address, minute), count in failures.items()
        ],
        ordered=False,
    )


async def page(db: Database, selection: AuditSelection, window: Window) -> Page:
    """One page of the selected entries, latest first."""
    return await pages.read(db.audit, selection.query(), LATEST_FIRST, window)


async def count(db: Database, selection: AuditSelection) -> int:
    """The number of selected entries."""
    return await find_command.count(db.audit, selection.query())


async def each(db: Database, selection: AuditSelection) -> AsyncIterator[Document]:
    """The selected entries, oldest first."""
    async for entry in db.audit.find(selection.query(), sort=[("_id", ASCENDING)]):
        yield entry


async def keep(db: Database, retention: timedelta) -> None:
    """Delete entries when they are older than this. Also applies to existing entries."""
    seconds = int(retention.total_seconds())
    present = await db.audit.index_information()
    if _EXPIRY not in present:
        await db.audit.create_index([("at", ASCENDING)], name=_EXPIRY, expireAfterSeconds=seconds)
    elif present[_EXPIRY].get("expireAfterSeconds") != seconds:
        index = {"name": _EXPIRY, "expireAfterSeconds": seconds}
        await db.mongo.command("collMod", "audit", index=index)


def _failure_id(address: str, minute: datetime) -> str:
    """The same ID for the same address and minute, so that all processes count in one entry."""
    digest = hashlib.blake2b(address.encode(), digest_size=8).hexdigest()
    return f"{first_id(minute)[:19]}8{digest[:3]}-{digest[3:15]}"
