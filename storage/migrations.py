"""Migrates a database to this release: collections, validators, indexes. Versioned, and safe to run again.

`STEPS[n]` migrates a database from version n to n + 1. A release that changes the database appends a step.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

from pymongo import ASCENDING, IndexModel
from pymongo.errors import CollectionInvalid

from storage import statistics
from storage.audit import entries
from storage.documents import Document
from storage.driver import Database
from storage.lists.indexes import CONTACT_INDEXES
from storage.requests import budgets, idempotency


class NewerDatabase(Exception):
    """Raised at start if a newer release has migrated the database."""


_CONTACT_VALIDATOR = {
    "$jsonSchema": {
        "required": [
            "_id",
            "displayName",
            "emailAddress",
            "source",
            "gal",
            "version",
            "createdAt",
            "updatedAt",
            "keys",
        ],
        "properties": {
            "displayName": {"bsonType": "string", "minLength": 1},
            "emailAddress": {"bsonType": "string", "minLength": 3},
            "aliases": {"bsonType": "array", "items": {"bsonType": "string"}},
            "source": {"enum": ["CLOUD", "SYNCED"]},
            "gal": {"enum": ["VISIBLE", "HIDDEN"]},
            "version": {"bsonType": "int", "minimum": 1},
            "createdAt": {"bsonType": "date"},
            "updatedAt": {"bsonType": "date"},
        },
    }
}
_GROUP_VALIDATOR = {
    "$jsonSchema": {
        "required": ["_id", "displayName", "emailAddress", "memberCount", "version", "keys"],
        "properties": {"memberCount": {"bsonType": "int", "minimum": 0}},
    }
}


async def _first(db: Database) -> None:
    """Everything in the first release."""
    await _collection(db, "contacts", _CONTACT_VALIDATOR)
    await _collection(db, "groups", _GROUP_VALIDATOR)
    for name in ("claims", "history", "deletedContacts", "statistics"):
        await _collection(db, name)
    await db.contacts.create_indexes(CONTACT_INDEXES)
    await db.groups.create_indexes(
        [IndexModel([("keys.name", ASCENDING)], name="name"), IndexModel([("keys.words", ASCENDING)], name="words")]
    )
    await db.history.create_indexes([IndexModel([("contactId", ASCENDING), ("_id", ASCENDING)], name="contact")])
    await db.deleted_contacts.create_indexes(
        [
            IndexModel([("key", ASCENDING)], name="key"),
            IndexModel([("purgeAt", ASCENDING)], name="purge", expireAfterSeconds=0),
            IndexModel(
                [("contact.onPremises.objectGuid", ASCENDING)],
                name="objectGuid",
                partialFilterExpression={"contact.onPremises.objectGuid": {"$exists": True}},
            ),
        ]
    )
    await _import_collections(db)
    await _sync_collections(db)
    for slot in range(statistics.SLOTS):
        await db.statistics.update_one({"_id": slot}, {"$setOnInsert": {"CLOUD_VISIBLE": 0}}, upsert=True)


async def _sync_collections(db: Database) -> None:
    await _collection(db, "handedOver")
    for name in ("syncRuns", "syncSkips", "syncDifferences"):
        await _collection(db, name)
        await db.mongo[name].create_indexes([IndexModel([("purgeAt", ASCENDING)], name="purge", expireAfterSeconds=0)])
    for details in (db.sync_skips, db.sync_differences):
        await details.create_indexes([IndexModel([("runId", ASCENDING), ("_id", ASCENDING)], name="run")])


async def _import_collections(db: Database) -> None:
    for name in ("imports", "importOutcomes", "importProblems"):
        await _collection(db, name)
        await db.mongo[name].create_indexes([IndexModel([("purgeAt", ASCENDING)], name="purge", expireAfterSeconds=0)])
    for results in (db.import_outcomes, db.import_problems):
        await results.create_indexes([IndexModel([("importId", ASCENDING), ("key", ASCENDING)], name="rows")])
    await db.imports.create_indexes([IndexModel([("status", ASCENDING)], name="status")])


async def _one_lease(db: Database) -> None:
    """Since 0.1.0: imports and the sync keep their leases alike, in `lease`."""
    await db.imports.update_many({}, {"$rename": {"fence": "lease.token", "leaseUntil": "lease.until"}})
    names = {name: f"lease.{name}" for name in ("token", "holder", "until", "writes")}
    await db.state.update_one({"_id": "directorySync"}, {"$rename": names})


async def _audit_log(db: Database) -> None:
    for name in ("audit", "people"):
        await _collection(db, name)
    await db.audit.create_indexes(entries.INDEXES)


async def _idempotency_keys(db: Database) -> None:
    await _collection(db, "idempotencyKeys")
    await db.idempotency_keys.create_indexes(idempotency.INDEXES)


async def _budgets(db: Database) -> None:
    await _collection(db, "budgets")
    await db.budgets.create_indexes(budgets.INDEXES)


STEPS: list[Callable[[Database], Awaitable[None]]] = [_first, _one_lease, _audit_log, _idempotency_keys, _budgets]


async def prepare(db: Database) -> None:
    """Migrate the database to this release. Raises `NewerDatabase`.

    Every step is idempotent, so several processes can run it at once, and one that was killed can simply be repeated.
    """
    version = await _version(db)
    if version > len(STEPS):
        raise NewerDatabase(
            f"The database {db.mongo.name!r} was upgraded by a newer release: it has version {version}, and this "
            f"release supports {len(STEPS)}. Start the newer release, or restore a backup from before the upgrade."
        )
    for number, step in enumerate(STEPS[version:], start=version + 1):
        await step(db)
        await db.state.update_one(
            {"_id": "schema"}, {"$max": {"version": number}, "$set": {"at": datetime.now(UTC)}}, upsert=True
        )


async def _version(db: Database) -> int:
    document = await db.state.find_one({"_id": "schema"})
    return document["version"] if document else 0


async def _collection(db: Database, name: str, validator: Document | None = None) -> None:
    """Create a collection, or update the validator of an existing one."""
    with suppress(CollectionInvalid):  # it exists
        await db.mongo.create_collection(name)
    if validator:
        await db.mongo.command("collMod", name, validator=validator)
