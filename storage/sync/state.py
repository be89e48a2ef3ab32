"""How far the sync with Active Directory has got: when each domain last synced, and the mark of its last cycle."""

from datetime import datetime

from storage.documents import Document
from storage.driver import Database, Session
from storage.lists import find_command
from storage.sync import schedule

_MARK = "directorySyncMark"


async def read(db: Database) -> dict[str, Document]:
    """The state of each synchronised domain, keyed by domain: `{server, lastSyncAt, nextSyncAt}`.

    `nextSyncAt` is the schedule's, where there is one.
    """
    found = await find_command.find(db.state, {"_id": {"$regex": "^(sync:|directorySync$)"}})
    kept: Document = next((state for state in found if state["_id"] == schedule.ID), {})
    scheduled = {"nextSyncAt": kept["nextRunAt"]} if "nextRunAt" in kept else {}
    return {state["_id"].removeprefix("sync:"): state | scheduled for state in found if state is not kept}


async def completed(
    db: Database,
    domain: str,
    server: str,
    at: datetime,
    following: datetime | None,
    session: Session | None = None,
) -> None:
    """Record a completed cycle, and when the next is due, if one is."""
    await db.state.update_one(
        {"_id": f"sync:{domain}"},
        {"$set": {"server": server, "lastSyncAt": at, "nextSyncAt": following}},
        upsert=True,
        session=session,
    )


async def unscheduled(db: Database, seconds: float, session: Session | None = None) -> bool:
    """Record that no cycle is due any more, unless a service said within these seconds that it syncs."""
    if not await schedule.withdraw(db, seconds, session):
        return False
    await db.state.update_many({"_id": {"$regex": "^sync:"}}, {"$set": {"nextSyncAt": None}}, session=session)
    return True


async def mark(db: Database) -> Document | None:
    """The directory database that was read last, and how far: `{invocationId, usn, server}`."""
    return await db.state.find_one({"_id": _MARK})


async def set_mark(db: Database, found: Document, session: Session) -> None:
    """Replace the mark, in the transaction that completes a cycle."""
    await db.state.update_one({"_id": _MARK}, {"$set": found}, upsert=True, session=session)
