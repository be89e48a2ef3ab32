"""How far the demo data are loaded: one document, which stays when the demo data are deleted."""

from collections.abc import Collection

from storage.driver import Database

_ID = "demo"


async def loaded(db: Database) -> frozenset[str]:
    """The parts of the demo data that were loaded at some time, whatever became of them since."""
    state = await db.state.find_one({"_id": _ID})
    return frozenset(state["loaded"] if state else ())


async def add(db: Database, part: str) -> None:
    """Record that a part is loaded."""
    await db.state.update_one({"_id": _ID}, {"$addToSet": {"loaded": part}}, upsert=True)


async def ever_created(db: Database, author: str, addresses: Collection[str]) -> set[str]:
    """Those of these primary addresses with which this author ever created a contact, even one deleted since."""
    created = {"action": "CREATED", "by": author, "after.emailAddress": {"$in": list(addresses)}}
    return {record["after"]["emailAddress"] async for record in db.history.find(created, ["after.emailAddress"])}
