"""How a cycle writes its batches, and what became of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from resolvers.on_premises import DirectoryContact, DirectoryGroup
from storage import changes
from storage.changes import Change
from storage.documents import Document
from storage.sync_lease import Lease


@dataclass(frozen=True, slots=True)
class Terms:
    """How a cycle writes.

    `lease`: every transaction fails unless it is held. `database`: the invocationId that USNs were counted by.
    `soft_match`: a cloud contact that holds the primary address becomes the synced contact. `dry_run`: nothing is
    written; `leaving` are then the ids of contacts that the cycle would have deleted, whose addresses count as free.
    """

    lease: Lease | None = None
    database: str = ""
    soft_match: bool = False
    dry_run: bool = False
    leaving: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A directory object that was left as it is, and why. `holder_id` names who has an address that it asks for."""

    object_guid: str | None
    distinguished_name: str
    code: str
    message: str
    holder_id: str | None = None

    @classmethod
    def because(
        cls, each: DirectoryContact | DirectoryGroup, code: str, message: str, holder: str | None = None
    ) -> Self:
        """That this object is left as it is, for this reason."""
        return cls(each.object_guid, each.distinguished_name, code, message, holder)

    def document(self) -> Document:
        """As it is kept with a run."""
        return {
            "objectGuid": self.object_guid,
            "distinguishedName": self.distinguished_name,
            "code": self.code,
            "message": self.message,
            "holderId": self.holder_id,
        }


@dataclass(slots=True)
class Outcome:
    """What became of a batch, as objectGUIDs.

    `joined`: those created or updated that were no synced contacts before, and may be members of groups.
    `unmanaged`: written, but their manager, by objectGUID, is not known here (yet). `differences`: what was changed,
    or would be in a dry run, as `difference` says it.
    """

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unmanaged: dict[str, str] = field(default_factory=dict)
    differences: list[Document] = field(default_factory=list)

    def merged(self, other: "Outcome") -> "Outcome":
        """What became of both batches."""
        return Outcome(
            self.created + other.created,
            self.updated + other.updated,
            self.joined + other.joined,
            self.unchanged + other.unchanged,
            self.deleted + other.deleted,
            self.skipped + other.skipped,
            self.unmanaged | other.unmanaged,
            self.differences + other.differences,
        )


def difference(change: Change, on_premises: Mapping[str, object]) -> Document:
    """A change field by field: `{objectGuid, distinguishedName, action, contactId, before, after}`."""
    found = changes.altered(change.before or {}, change.after or {})
    return {
        "objectGuid": on_premises["objectGuid"],
        "distinguishedName": on_premises["distinguishedName"],
        "action": change.action,
        "contactId": change.before["_id"] if change.before else None,
        "before": {name: old for name, (old, _) in found.items() if old is not None},
        "after": {name: new for name, (_, new) in found.items() if new is not None},
    }
