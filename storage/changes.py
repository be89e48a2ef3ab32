"""Changes of contacts, as decided by the resolvers and written by `storage.writing`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from storage.documents import Document

Action = Literal["CREATED", "UPDATED", "DELETED", "RESTORED", "HANDED_OVER"]
# Fields that every change sets automatically or that other writes maintain: not part of a contact's history.
_UNRECORDED = frozenset(
    {"_id", "keys", "version", "createdAt", "updatedAt", "groupIds", "businessPhoneE164", "mobilePhoneE164"}
)
# The parts of `onPremises` that identify the object; the rest is the sync's bookkeeping.
_IDENTITY = ("objectGuid", "distinguishedName", "domain")

Channel = Literal["graphql", "rest", "cli", "import", "sync"]


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something, and through which channel.

    `id` identifies people and apps, whose names can change. It is empty for the service itself.
    """

    name: str
    channel: Channel
    id: str = ""

    @property
    def is_sync(self) -> bool:
        """Whether this is the sync with Active Directory, the only author that can write synced contacts."""
        return self.channel == "sync"


@dataclass(frozen=True, slots=True)
class Change:
    """One contact before and after: `before` is None for a creation, `after` is None for a deletion.

    Neither document is modified. `report_ids`: the IDs of a deleted contact's direct reports, kept with it in the
    recycle bin.
    """

    before: Document | None
    after: Document | None
    action: Action
    report_ids: Sequence[str] = ()

    @property
    def contact(self) -> Document:
        """The contact after the change, or before its deletion."""
        found = self.after if self.after is not None else self.before
        if found is None:
            raise ValueError("A change needs a contact before or after it.")
        return found


class Outdated(Exception):
    """Raised when a contact has changed since the change was decided. Read the contact and decide again."""


def created(document: Document, at: datetime) -> Change:
    """The change that creates this contact, which has an ID and its fields but no version yet."""
    return Change(None, {**document, "version": 1, "updatedAt": at}, "CREATED")


def updated(before: Document, after: Document, at: datetime) -> Change:
    """The change to `after`, a complete document. Fields that it lacks are removed."""
    return Change(before, {**after, "version": before["version"] + 1, "updatedAt": at}, "UPDATED")


def deleted(before: Document, report_ids: Sequence[str] = ()) -> Change:
    """The change that moves this contact to the recycle bin."""
    return Change(before, None, "DELETED", report_ids)


def restored(document: Document, at: datetime) -> Change:
    """The change that restores this contact from the recycle bin."""
    return Change(None, {**document, "version": document["version"] + 1, "updatedAt": at}, "RESTORED")


def made_cloud_only(before: Document, at: datetime) -> Change:
    """The change that makes a synced contact cloud-only, so that every author can write it."""
    after = {name: value for name, value in before.items() if name != "onPremises"}
    after |= {"source": "CLOUD", "version": before["version"] + 1, "updatedAt": at}
    return Change(before, after, "HANDED_OVER")


def orphaned(before: Document, at: datetime) -> Change:
    """The change that removes a contact's manager, who is deleted."""
    return updated(before, {name: value for name, value in before.items() if name != "managerId"}, at)


def altered(before: Document, after: Document) -> dict[str, tuple[object, object]]:
    """The recorded fields that differ, with the old and new value (None if absent)."""
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
