"""How a run writes its batches, and their outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from resolvers import rules
from resolvers.sync.dry_run import DryRun
from resolvers.sync.source import DirectoryContact, DirectoryGroup
from storage import changes
from storage.changes import Change
from storage.documents import Document
from storage.driver import Session
from storage.lease import Lease, fence

_MOST = 1_000


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a run writes.

    `lease`: every transaction fails unless it is held. `database`: the invocationId that the USNs belong to.
    `soft_match`: whether a cloud contact with the same primary address becomes the synced contact. `dry_run`: set in a
    dry run, which writes nothing; holds what would have been written so far.
    """

    lease: Lease | None = None
    database: str = ""
    soft_match: bool = False
    dry_run: DryRun | None = None

    async def fence(self, session: Session) -> None:
        """Make the transaction fail unless the lease is held. Raises `LeaseLost`."""
        if self.lease:
            await fence(self.lease, session)


@dataclass(frozen=True, slots=True)
class SkippedObject:
    """A directory object that was skipped, and why. `holder_id`: the ID of the holder of a taken address."""

    object_guid: str | None
    distinguished_name: str
    code: str
    message: str
    holder_id: str | None = None

    @classmethod
    def because(
        cls, each: DirectoryContact | DirectoryGroup, code: str, message: str, holder: str | None = None
    ) -> Self:
        """This object, skipped for this reason."""
        return cls(each.object_guid, each.distinguished_name, code, message, holder)

    def document(self) -> Document:
        """The document stored with the run."""
        return {
            "objectGuid": self.object_guid,
            "distinguishedName": self.distinguished_name,
            "code": self.code,
            "message": self.message,
            "holderId": self.holder_id,
        }


@dataclass(slots=True)
class BatchOutcome:
    """The outcome of a batch, as objectGUIDs.

    `joined`: contacts that became synced ones, which may be members of groups. `unmanaged`: written contacts whose
    manager is not stored (yet), with the manager's objectGUID. `differences`: the changes, made or in a dry run only
    planned, in the format of `difference`.
    """

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    skipped: list[SkippedObject] = field(default_factory=list)
    unmanaged: dict[str, str] = field(default_factory=dict)
    differences: list[Document] = field(default_factory=list)

    def merged(self, other: "BatchOutcome") -> "BatchOutcome":
        """The outcome of both batches."""
        return BatchOutcome(
            self.created + other.created,
            self.updated + other.updated,
            self.joined + other.joined,
            self.unchanged + other.unchanged,
            self.deleted + other.deleted,
            self.skipped + other.skipped,
            self.unmanaged | other.unmanaged,
            self.differences + other.differences,
        )


def address_taken(address: str, holder: str) -> str:
    """The message for an object that is skipped because of this address. `holder`: such as `the contact Ana García`."""
    return f"{address} belongs to {holder}. Change the address in one of the two places."


def difference(change: Change, on_premises: Mapping[str, object]) -> Document:
    """A change field by field: `{objectGuid, distinguishedName, action, contactId, before, after}`."""
    found = changes.altered(change.before or {}, change.after or {})
    return {
        "objectGuid": on_premises["objectGuid"],
        "distinguishedName": on_premises["distinguishedName"],
        "action": change.action,
        "contactId": change.before["_id"] if change.before else None,
        "groupId": None,
        "before": {name: old for name, (old, _) in found.items() if old is not None},
        "after": {name: new for name, (_, new) in found.items() if new is not None},
    }


def group_difference(before: Document | None, after: Document | None) -> Document:
    """A change of a group, without its members, in the format of `difference`."""
    old, new = before or {}, after or {}
    names = [name for name in rules.GROUP_FIELDS if old.get(name) != new.get(name)]
    return {
        "objectGuid": (new or old)["onPremises"]["objectGuid"],
        "distinguishedName": (new or old)["onPremises"]["distinguishedName"],
        "action": "CREATED" if before is None else "UPDATED" if after is not None else "DELETED",
        "contactId": None,
        "groupId": before["_id"] if before else None,
        "before": {name: old[name] for name in names if old.get(name) is not None},
        "after": {name: new[name] for name in names if new.get(name) is not None},
    }


def membership_difference(
    group: DirectoryGroup, identifier: str, leaving: Sequence[str], joining: Sequence[str]
) -> Document:
    """A change of a group's members in the format of `difference`, with at most 1,000 names each way as `members`."""
    return {
        "objectGuid": group.object_guid,
        "distinguishedName": group.distinguished_name,
        "action": "UPDATED",
        "contactId": None,
        "groupId": identifier,
        "before": {"members": list(leaving[:_MOST])} if leaving else {},
        "after": {"members": list(joining[:_MOST])} if joining else {},
    }
