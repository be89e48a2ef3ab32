"""The options of a run of the sync."""

from dataclasses import dataclass
from typing import Self

from storage.documents import Document


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """The options of a run: write nothing, ignore the deletion limit, read everything."""

    dry_run: bool = False
    allow_deletions: bool = False
    full: bool = False
    requested_by: str | None = None

    @classmethod
    def from_document(cls, request: Document) -> Self:
        """The options of a stored request; the defaults if it is empty."""
        return cls(
            request.get("dryRun", False),
            request.get("allowDeletions", False),
            request.get("full", False),
            request.get("requestedBy"),
        )

    def document(self) -> Document:
        """The fields stored with a request and a run."""
        return {
            "dryRun": self.dry_run,
            "allowDeletions": self.allow_deletions,
            "full": self.full,
            "requestedBy": self.requested_by,
        }


def new_record(request: SyncRequest) -> Document:
    """The record of a queued run."""
    return {
        "status": "QUEUED",
        **request.document(),
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
