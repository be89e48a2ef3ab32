"""Which parts of the demo data were loaded: one document, which stays when the demo data are deleted."""

from collections.abc import Collection

from storage.driver import Database

_ID = "demo"


async def loaded(db: Database) -> frozenset[str]:
    """The parts of the demo data that were ever loaded, even if they have been changed or deleted since."""
    state = await db.state.find_one({"_id": _ID})
    return frozenset(state["loaded"] if state else ())


async def add(db: Database, part: str) -> None:
    """Record that a part has been loaded."""
    await db.state.update_one({"_id": _ID}, {"$addToSet": {"loaded": part}}, upsert=True)


async def ever_created(db: Database, author: str, addresses: Collection[str]) -> set[str]:
    """Which of these primary addresses this author ever created a contact with, even if it was deleted since."""
    created = {"action": "CREATED", "by": author, "after.emailAddress": {"$in": list(addresses)}}
    return {record["after"]["emailAddress"] async for record in db.history.find(created, ["after.emailAddress"])}
