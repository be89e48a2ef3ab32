"""The progress of the sync with Active Directory: when each domain last synced, and the mark of the last run."""

from datetime import datetime

from storage.documents import Document
from storage.driver import Database, Session
from storage.lists import find_command
from storage.sync import schedule

_MARK = "directorySyncMark"


async def read(db: Database) -> dict[str, Document]:
    """The state of each synchronized domain, by domain: `{server, lastSyncAt, nextSyncAt}`.

    If there is a schedule, `nextSyncAt` comes from it.
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
    """Record a completed run of a domain, and when the next one is due, if any."""
    await db.state.update_one(
        {"_id": f"sync:{domain}"},
        {"$set": {"server": server, "lastSyncAt": at, "nextSyncAt": following}},
        upsert=True,
        session=session,
    )


async def unscheduled(db: Database, seconds: float, session: Session | None = None) -> bool:
    """Record that no run is due, unless a service confirmed the schedule in the last `seconds`. Returns success."""
    if not await schedule.withdraw(db, seconds, session):
        return False
    await db.state.update_many({"_id": {"$regex": "^sync:"}}, {"$set": {"nextSyncAt": None}}, session=session)
    return True


async def mark(db: Database) -> Document | None:
    """The mark of the last completed run: `{invocationId, usn, server}`."""
    return await db.state.find_one({"_id": _MARK})


async def set_mark(db: Database, found: Document, session: Session) -> None:
    """Replace the mark, in the transaction that completes a run."""
    await db.state.update_one({"_id": _MARK}, {"$set": found}, upsert=True, session=session)
