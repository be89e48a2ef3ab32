"""What a cycle of the sync is asked to do."""

from dataclasses import dataclass
from typing import Self

from storage.documents import Document


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What kind of cycle: that only shows what it would change, may delete however many, reads all in any case."""

    dry_run: bool = False
    allow_deletions: bool = False
    full: bool = False
    requested_by: str | None = None

    @classmethod
    def asked(cls, request: Document) -> Self:
        """What a request asks for; what is due if it is empty."""
        return cls(
            request.get("dryRun", False),
            request.get("allowDeletions", False),
            request.get("full", False),
            request.get("requestedBy"),
        )

    def document(self) -> Document:
        """As it is kept with a request and a run."""
        return {
            "dryRun": self.dry_run,
            "allowDeletions": self.allow_deletions,
            "full": self.full,
            "requestedBy": self.requested_by,
        }


def new_record(wanted: SyncRequest) -> Document:
    """The record of a run that waits to begin."""
    return {
        "status": "QUEUED",
        **wanted.document(),
        "phase": "WAITING",
        "processed": 0,
        "created": 0,
        "updated": 0,
        "deleted": 0,
        "unchanged": 0,
        "skipped": 0,
        "groupsChanged": 0,
        "membershipsChanged": 0,
        "seconds": 0.0,
        "ldapSeconds": 0.0,
        "notes": [],
    }
