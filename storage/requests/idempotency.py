"""Idempotency keys: one document per caller and key, with the result of its request or the lease of who is running it.

The transaction of a change also writes the result, on the condition that the lease is still held. So the result is
stored if and only if the change is made, and of several requests with one key only one makes it.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from storage.documents import new_id
from storage.driver import Database, Session
from storage.lease import IS_FREE, Lease, LeaseLost, after, held

KEPT_SECONDS = 24 * 60 * 60
"""How long a result is kept."""
LEASE_SECONDS = 60.0
"""How long a key stays in use after the process that ran its request died."""
INDEXES = [IndexModel([("purgeAt", ASCENDING)], name="purge", expireAfterSeconds=0)]


@dataclass(frozen=True, slots=True)
class Completed:
    """A request that was made: its fingerprint, and its result as stored."""

    fingerprint: str
    result: Any  # whatever the resolver stored


async def claim(db: Database, caller_id: str, key: str) -> Lease | Completed | None:
    """Take the right to make the request with this key of this caller.

    Returns the result instead if the request was made, and None if someone else is making it.
    """
    holder = new_id()
    free = {"$and": [{"$eq": [{"$type": "$fingerprint"}, "missing"]}, IS_FREE]}
    token = {"$add": [{"$ifNull": ["$lease.token", 0]}, 1]}
    lease = {"token": token, "holder": holder, "until": after(LEASE_SECONDS)}
    sets = {"callerId": caller_id, "lease": lease, "purgeAt": after(KEPT_SECONDS)}
    identifier = _id(caller_id, key)
    try:
        found = await db.idempotency_keys.find_one_and_update(
            {"_id": identifier},
            [{"$set": {name: {"$cond": [free, value, f"${name}"]} for name, value in sets.items()}}],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
    except DuplicateKeyError:  # someone else claimed it at the same moment
        return None
    assert found is not None  # an upsert always has a document
    if "fingerprint" in found:
        return Completed(found["fingerprint"], found["result"])
    if found["lease"]["holder"] != holder:
        return None
    return Lease(db.idempotency_keys, identifier, found["lease"]["token"], LEASE_SECONDS)


async def complete(lease: Lease, fingerprint: str, result: object, session: Session) -> None:
    """Store the result in the transaction of the change, and give up the lease. Raises `LeaseLost`."""
    sets = {
        "fingerprint": {"$literal": fingerprint},
        "result": {"$literal": result},
        "purgeAt": after(KEPT_SECONDS),
    }
    written = await lease.collection.update_one(held(lease), [{"$set": sets}, {"$unset": "lease"}], session=session)
    if not written.matched_count:
        raise LeaseLost


async def free(lease: Lease) -> None:
    """Let the key be used again, unless its request was made."""
    await lease.collection.delete_one(held(lease))


def _id(caller_id: str, key: str) -> str:
    """The ID of a document. Hashed, because both parts are texts of any form."""
    return hashlib.blake2b(repr((caller_id, key)).encode(errors="backslashreplace"), digest_size=24).hexdigest()
