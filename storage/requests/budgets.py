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


async def take(db: Database, caller: str, budget: Budget, needed: float, wanted: float) -> Portion:
    """Take at least the needed units out of a caller's budget, and as many as wanted if there are.

    What needs more than the whole capacity gets it when the budget is full, and is paid back afterward.
    """
    found: Document | None = None
    while found is None:
        try:
            found = await db.budgets.with_options(write_concern=_QUICK).find_one_and_update(
                {"_id": caller},
                _taking(budget, needed, wanted),
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:  # another process has just added it
            continue
    return Portion(found["taken"], found["left"])


def _taking(budget: Budget, needed: float, wanted: float) -> list[Document]:
    seconds = {"$divide": [{"$max": [0, {"$subtract": ["$$NOW", {"$ifNull": ["$at", "$$NOW"]}]}]}, 1000]}
    refilled = {"$add": [{"$ifNull": ["$left", budget.capacity]}, {"$multiply": [seconds, budget.per_second]}]}
    enough = {"$gte": ["$left", min(needed, budget.capacity)]}
    full_again = 2 * max(needed, budget.capacity) / budget.per_second + 60
    return [
        {"$set": {"left": {"$min": [budget.capacity, refilled]}, "at": "$$NOW", "purgeAt": after(full_again)}},
        {"$set": {"taken": {"$cond": [enough, {"$max": [needed, {"$min": ["$left", wanted]}]}, 0.0]}}},
        {"$set": {"left": {"$subtract": ["$left", "$taken"]}}},
    ]
