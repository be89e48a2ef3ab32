"""The one write path of contacts: a batch of changes, applied whole or not at all.

Everything that a change of a contact carries with it (address claims, statistics, history, memberships, the recycle
bin) is written here, in the caller's transaction. The rules that a race must not break are conditions of the
writes: a contact is replaced or deleted only while it has the source and version that the caller decided upon.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pymongo import DeleteOne, InsertOne, UpdateOne

from storage import claims, recycle_bin, statistics
from storage.ahead import ahead
from storage.documents import Document, new_id
from storage.driver import Database, Session
from storage.keys import keys, updated_key
from storage.turns import give_way

Action = Literal["CREATED", "UPDATED", "DELETED", "RESTORED", "HANDED_OVER"]
RETENTION = timedelta(days=30)
_SLICE = 200
_TURN = 8
_Write = InsertOne[Document] | UpdateOne | DeleteOne
# Fields that every change alters by itself, or that are kept by other writes: no part of a contact's history.
_UNRECORDED = frozenset(
    {"_id", "keys", "version", "createdAt", "updatedAt", "groupIds", "businessPhoneE164", "mobilePhoneE164"}
)
# Those of `onPremises` that tell an identity; the rest is how the sync keeps count.
_IDENTITY = ("objectGuid", "distinguishedName", "domain")


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something, and through what: `graphql`, `rest`, `cli`, `import` or `sync`."""

    name: str
    through: str

    @property
    def is_sync(self) -> bool:
        """Whether this is the synchronisation with Active Directory, which alone may write synced contacts."""
        return self.through == "sync"


@dataclass(frozen=True, slots=True)
class Change:
    """One contact before and after: `before` None creates, `after` None deletes. Neither is altered.

    `report_ids`: those whose manager a deleted contact was, kept with it in the recycle bin.
    """

    before: Document | None
    after: Document | None
    action: Action
    report_ids: Sequence[str] = ()

    @property
    def contact(self) -> Document:
        """The contact as it is after the change, or as it was before its deletion."""
        found = self.after if self.after is not None else self.before
        if found is None:
            raise ValueError("a change of nothing")
        return found


class Outdated(Exception):
    """Raised when a contact is no longer as the change assumes: read again, and decide again."""


def created(document: Document, at: datetime) -> Change:
    """The change that adds this contact, which has an id and its fields but no version yet."""
    return Change(None, {**document, "version": 1, "updatedAt": at}, "CREATED")


def updated(before: Document, after: Document, at: datetime) -> Change:
    """The change to `after`, a whole document; fields that it lacks are removed."""
    return Change(before, {**after, "version": before["version"] + 1, "updatedAt": at}, "UPDATED")


def deleted(before: Document, report_ids: Sequence[str] = ()) -> Change:
    """The change that moves this contact to the recycle bin."""
    return Change(before, None, "DELETED", report_ids)


def restored(document: Document, at: datetime) -> Change:
    """The change that brings this contact back from the recycle bin."""
    return Change(None, {**document, "version": document["version"] + 1, "updatedAt": at}, "RESTORED")


def handed_over(before: Document, at: datetime) -> Change:
    """The change that makes a synced contact a cloud contact, which any author may write."""
    after = {name: value for name, value in before.items() if name != "onPremises"}
    after |= {"source": "CLOUD", "version": before["version"] + 1, "updatedAt": at}
    return Change(before, after, "HANDED_OVER")


def orphaned(before: Document, at: datetime) -> Change:
    """The change that leaves a contact without its manager, who is deleted."""
    return updated(before, {name: value for name, value in before.items() if name != "managerId"}, at)


def altered(before: Document, after: Document) -> dict[str, tuple[object, object]]:
    """The recorded fields whose values differ, each with its old and new value (None where absent)."""
    names = (before.keys() | after.keys()) - _UNRECORDED
    found = {name: (_recorded(before, name), _recorded(after, name)) for name in sorted(names)}
    return {name: (old, new) for name, (old, new) in found.items() if old != new}


def _recorded(document: Document, name: str) -> object:
    value = document.get(name)
    if name == "onPremises" and value:
        return {part: value[part] for part in _IDENTITY}
    return value


async def apply(db: Database, changes: Sequence[Change], author: Author, at: datetime, session: Session) -> None:
    """Write a batch of changes within a transaction.

    Raises `Outdated` when a contact changed meanwhile or is not this author's to write (a synced contact is the
    sync's alone), and `claims.Taken` when an address belongs to another holder; either way the transaction must be
    abandoned.
    """
    async with aclosing(ahead(_made(changes, author, at))) as slices:
        async for writes, records in slices:
            result = await db.contacts.bulk_write(writes, session=session)
            if result.inserted_count + result.matched_count + result.deleted_count != len(writes):
                raise Outdated
            await db.history.insert_many(records, session=session)
    await claims.move(db, [(change.before, change.after) for change in changes], "contact", session)
    await _count(db, changes, session)
    if bin_entries := [_bin_entry(change, author, at) for change in changes if change.action == "DELETED"]:
        await db.deleted_contacts.insert_many(bin_entries, session=session)
    returning = [change.contact["_id"] for change in changes if change.action == "RESTORED"]
    if returning and await recycle_bin.take_out(db, returning, session) != len(returning):
        raise Outdated


async def _made(
    changes: Sequence[Change], author: Author, at: datetime
) -> AsyncGenerator[tuple[list[_Write], list[Document]]]:
    """What is written of contacts and their history, some changes at a time, as the keys of contacts take their time:
    others have their turn meanwhile.
    """
    for start in range(0, len(changes), _SLICE):
        writes: list[_Write] = []
        records: list[Document] = []
        for number, change in enumerate(changes[start : start + _SLICE], start=1):
            writes.append(_write(change, author))
            records.append(_record(change, author, at))
            if not number % _TURN:
                await give_way()
        yield writes, records


def _write(change: Change, author: Author) -> _Write:
    before, after = change.before, change.after
    if before is None:
        return InsertOne({**change.contact, "keys": keys(change.contact)})
    source = before["source"] if author.is_sync or change.action == "HANDED_OVER" else "CLOUD"
    unchanged = {"_id": before["_id"], "source": source, "version": before["version"]}
    if after is None:
        # The memberships are written without a new version, and counted by what is deleted here.
        return DeleteOne({**unchanged, "groupIds": before.get("groupIds")})
    # Not a replacement: memberships may be written at the same time.
    sets = {name: value for name, value in after.items() if name != "groupIds" and before.get(name) != value}
    unsets = dict.fromkeys(before.keys() - after.keys() - {"keys", "groupIds"}, "")
    sets["keys"] = keys(after)
    return UpdateOne(unchanged, {"$set": sets} | ({"$unset": unsets} if unsets else {}))


async def _count(db: Database, changes: Sequence[Change], session: Session) -> None:
    """Keep the statistics, and the member counts of the groups whose members appear or disappear."""
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
        "through": author.through,
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
