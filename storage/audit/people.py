"""The names of those in the audit log, which has only their IDs: erasing a person is deleting one name."""

from collections.abc import Collection

from pymongo.errors import DuplicateKeyError

from storage.driver import Database
from storage.lists import find_command


async def remember(db: Database, identifier: str, name: str) -> None:
    """Store the current name of this person or app."""
    try:
        await db.people.update_one({"_id": identifier}, {"$set": {"name": name}}, upsert=True)
    except DuplicateKeyError:  # another process has just inserted it
        await db.people.update_one({"_id": identifier}, {"$set": {"name": name}})


async def names(db: Database, ids: Collection[str]) -> dict[str, str]:
    """The names with these IDs, keyed by ID. Unknown IDs are left out."""
    wanted = list(ids)
    found = await find_command.find(db.people, {"_id": {"$in": wanted}}, limit=len(wanted) or 1)
    return {each["_id"]: each["name"] for each in found}
