"""Changes of contacts, as they are decided upon; `storage.writing` carries them out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne, InsertOne, UpdateOne

from storage.documents import Document

Action = Literal["CREATED", "UPDATED", "DELETED", "RESTORED", "HANDED_OVER"]
# Fields that every change alters by itself, or that are kept by other writes: no part of a contact's history.
_UNRECORDED = frozenset(
    {"_id", "keys", "version", "createdAt", "updatedAt", "groupIds", "businessPhoneE164", "mobilePhoneE164"}
)
# Those of `onPremises` that tell an identity; the rest is how the sync keeps count.
_IDENTITY = ("objectGuid", "distinguishedName", "domain")

Channel = Literal["graphql", "rest", "cli", "import", "sync"]


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something, and through which channel."""

    name: str
    channel: Channel

    @property
    def is_sync(self) -> bool:
        """Whether this is the synchronisation with Active Directory, which alone may write synced contacts."""
        return self.channel == "sync"


@dataclass(frozen=True, slots=True)
class Written:
    """What is written of a change: of the contact and of its history, encoded, and the claims given up and taken."""

    contact: InsertOne[Document] | UpdateOne | DeleteOne
    record: RawBSONDocument
    given_up: Sequence[Document]
    taken: Sequence[Document]


@dataclass(slots=True)
class Change:
    """One contact before and after: `before` None creates, `after` None deletes. Neither is altered.

    `report_ids`: those whose manager a deleted contact was, kept with it in the recycle bin. `written` is what
    `storage.writing` made of it, if it did so ahead.
    """

    before: Document | None
    after: Document | None
    action: Action
    report_ids: Sequence[str] = ()
    written: Written | None = field(default=None, compare=False, repr=False)

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


def made_cloud_only(before: Document, at: datetime) -> Change:
    """The change that makes a synced contact a cloud contact, which any author may write."""
    after = {name: value for name, value in before.items() if name != "onPremises"}
    after |= {"source": "CLOUD", "version": before["version"] + 1, "updatedAt": at}
    return Change(before, after, "HANDED_OVER")


def orphaned(before: Document, at: datetime) -> Change:
    """The change that leaves a contact without its manager, who is deleted."""
    return updated(before, {name: value for name, value in before.items() if name != "managerId"}, at)


def altered(before: Document, after: Document) -> dict[str, tuple[object, object]]:
    """The recorded fields whose values differ, each with its old and new value (None where absent)."""
    found: dict[str, tuple[object, object]] = {}
    for name in sorted((before.keys() | after.keys()) - _UNRECORDED):
        old, new = before.get(name), after.get(name)
        if name == "onPremises":
            old, new = _identity(old), _identity(new)
        if old != new:
            found[name] = old, new
    return found


def _identity(origin: Document | None) -> Document | None:
    return {part: origin[part] for part in _IDENTITY} if origin else origin
