"""The only write path for contacts: applies a batch of changes as a whole or not at all.

It writes everything that a change of a contact affects (address claims, statistics, history, memberships, recycle
bin) in the caller's transaction. Rules that concurrent writes must not break are conditions of the writes: a contact
is replaced or deleted only if it still has the source and version that the decision was based on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne, InsertOne, UpdateOne

from runtime.fairness import give_way
from storage import claims, recycle_bin, statistics
from storage.changes import Author, Change, Outdated, altered
from storage.documents import RETENTION, Document, new_id
from storage.driver import Database, Session
from storage.keys import keys, updated_key


@dataclass(frozen=True, slots=True)
class _Written:
    """The writes of a change: the contact, its history record, and the claims it gives up and takes."""

    contact: InsertOne[Document] | UpdateOne | DeleteOne
    record: RawBSONDocument
    given_up: Sequence[Document]
    taken: Sequence[Document]


async def apply(db: Database, changes: Sequence[Change], author: Author, at: datetime, session: Session) -> None:
    """Write a batch of changes within a transaction.

    Raises `Outdated` if a contact has changed or this author cannot write it (only the sync writes synced contacts),
    and `claims.Taken` if an address belongs to another holder. In both cases the transaction must be aborted.
    """
    made = await _made(changes, author, at)
    result = await db.contacts.bulk_write([each.contact for each in made], session=session)
    if result.inserted_count + result.matched_count + result.deleted_count != len(made):
        raise Outdated
    await db.history.insert_many([each.record for each in made], session=session)
    # Give up all claims before taking any, so that addresses can move between the contacts of one batch.
    given_up = [claim for each in made for claim in each.given_up]
    await claims.move(db, given_up, [claim for each in made for claim in each.taken], session)
    await _count(db, changes, session)
    if bin_entries := [_bin_entry(change, author, at) for change in changes if change.action == "DELETED"]:
        await db.deleted_contacts.insert_many(bin_entries, session=session)
    returning = [change.contact["_id"] for change in changes if change.action == "RESTORED"]
    if returning and await recycle_bin.take_out(db, returning, session) != len(returning):
        raise Outdated


async def _made(changes: Sequence[Change], author: Author, at: datetime) -> list[_Written]:
    """The writes of the changes. Computing keys is slow, so all are prepared before any contact is locked."""
    made: list[_Written] = []
    for change in changes:
        if made:  # a single change is not long work
            await give_way()
        made.append(_written(change, author, at))
    return made


def _written(change: Change, author: Author, at: datetime) -> _Written:
    given_up, taken = claims.moved(change.before, change.after, "contact")
    return _Written(_write(change, author), _encoded(_record(change, author, at)), given_up, taken)


def _encoded(document: Document) -> RawBSONDocument:
    """The document as BSON. The client would encode a whole command at once, and hold up everything else that runs."""
    return RawBSONDocument(bson.encode(document))


def _write(change: Change, author: Author) -> InsertOne[Document] | UpdateOne | DeleteOne:
    before, after = change.before, change.after
    if before is None:
        document = _encoded({**change.contact, "keys": keys(change.contact)})
        return InsertOne(document)  # type: ignore[arg-type]  # PyMongo accepts encoded documents, too
    source = before["source"] if author.is_sync or change.action == "HANDED_OVER" else "CLOUD"
    unchanged = {"_id": before["_id"], "source": source, "version": before["version"]}
    if after is None:
        # Membership writes add no version, so compare `groupIds`: the member counts depend on them.
        return DeleteOne({**unchanged, "groupIds": before.get("groupIds")})
    # An update rather than a replacement: memberships may be written at the same time.
    sets = {name: value for name, value in after.items() if name != "groupIds" and before.get(name) != value}
    unsets = dict.fromkeys(before.keys() - after.keys() - {"keys", "groupIds"}, "")
    sets["keys"] = keys(after)
    return UpdateOne(unchanged, {"$set": sets} | ({"$unset": unsets} if unsets else {}))


async def _count(db: Database, changes: Sequence[Change], session: Session) -> None:
    """Update the statistics, and the member counts of groups whose members are created or deleted."""
    kinds: statistics.Counts = {}
    members: dict[str, int] = {}
    for change in changes:
        if change.before:
            statistics.tally(kinds, change.before, -1)
        if change.after:
            statistics.tally(kinds, change.after, +1)
        if change.before is None or change.after is None:
            for group in change.contact.get("groupIds", ()):
                members[group] = members.get(group, 0) + (1 if change.after else -1)
    await statistics.add(db, kinds, session)
    if members:
        await db.groups.bulk_write(
            [UpdateOne({"_id": group}, {"$inc": {"memberCount": step}}) for group, step in members.items()],
            session=session,
        )


def _record(change: Change, author: Author, at: datetime) -> Document:
    differences = altered(change.before or {}, change.after or {})
    return {
        "_id": new_id(),
        "contactId": change.contact["_id"],
        "action": change.action,
        "at": at,
        "by": author.name,
        **({"byId": author.id} if author.id else {}),
        "through": author.channel,
        "version": change.contact["version"],
        "before": {name: old for name, (old, _) in differences.items() if old is not None},
        "after": {name: new for name, (_, new) in differences.items() if new is not None},
    }


def _bin_entry(change: Change, author: Author, at: datetime) -> Document:
    contact = change.contact
    return {
        "_id": contact["_id"],
        "key": updated_key(at, contact["_id"]),
        "contact": {name: value for name, value in contact.items() if name != "keys"},
        "reportIds": list(change.report_ids),
        "deletedAt": at,
        "deletedBy": author.name,
        "purgeAt": at + RETENTION,
    }
