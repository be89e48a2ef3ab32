"""What callers may still spend: one document per caller, which refills steadily up to a capacity.

Processes take portions of it, so that most requests cost no query. All times are those of the database server.
"""

from dataclasses import dataclass

from pymongo import ASCENDING, IndexModel, ReturnDocument, WriteConcern
from pymongo.errors import DuplicateKeyError

from storage.documents import Document
from storage.driver import Database
from storage.lease import after

INDEXES = [IndexModel([("purgeAt", ASCENDING)], name="purge", expireAfterSeconds=0)]
SHARE = 0.2
"""The part of what is left that a process takes at once: the less is left, the less it can keep from others."""
SMALLEST = 0.01
"""The part of the whole budget that it takes at least."""
# A budget that is lost with a crash of the server is full again, which harms nobody. Waiting for the disk would.
_QUICK = WriteConcern(w=1, j=False)


@dataclass(frozen=True, slots=True)
class Budget:
    """How many units a caller can spend at once, and how many come back each second."""

    capacity: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Portion:
    """What was taken, 0 if there is not enough; and what is left, negative after more was taken than there was."""

    units: float
    left: float


async def take(db: Database, caller: str, budget: Budget, needed: float) -> Portion:
    """Take at least the needed units out of a caller's budget, and a share of what is left if that is more.

    What needs more than the whole capacity gets it when the budget is full, and is paid back afterward.
    """
    found: Document | None = None
    while found is None:
        try:
            found = await db.budgets.with_options(write_concern=_QUICK).find_one_and_update(
                {"_id": caller},
                _taking(budget, needed),
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:  # another process has just added it
            continue
    return Portion(found["taken"], found["left"])


async def give_back(db: Database, caller: str, units: float) -> None:
    """Put back what was taken and not spent."""
    await db.budgets.with_options(write_concern=_QUICK).update_one({"_id": caller}, {"$inc": {"left": units}})


def _taking(budget: Budget, needed: float) -> list[Document]:
    seconds = {"$divide": [{"$max": [0, {"$subtract": ["$$NOW", {"$ifNull": ["$at", "$$NOW"]}]}]}, 1000]}
    refilled = {"$add": [{"$ifNull": ["$left", budget.capacity]}, {"$multiply": [seconds, budget.per_second]}]}
    wanted = {"$max": [SMALLEST * budget.capacity, {"$multiply": [SHARE, "$left"]}]}
    enough = {"$gte": ["$left", min(needed, budget.capacity)]}
    full_again = 2 * max(needed, budget.capacity) / budget.per_second + 60
    return [
        {"$set": {"left": {"$min": [budget.capacity, refilled]}, "at": "$$NOW", "purgeAt": after(full_again)}},
        {"$set": {"taken": {"$cond": [enough, {"$max": [needed, {"$min": ["$left", wanted]}]}, 0.0]}}},
        {"$set": {"left": {"$subtract": ["$left", "$taken"]}}},
    ]
