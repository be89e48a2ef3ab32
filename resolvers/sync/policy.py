"""What a cycle may do, and what it has to look at: pure functions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from resolvers.sync.objects import Presence
from storage.documents import Document


class TooManyDeletions(Exception):
    """Raised when a cycle would delete so many contacts or groups that it asks first: nothing is written."""

    code = "TOO_MANY_DELETIONS"


@dataclass(frozen=True, slots=True)
class DeletionLimit:
    """How many contacts or groups, and what share of the synced ones, a cycle may delete unasked."""

    number: int
    percent: float

    def check(self, leaving: int, synced: int, kind: str = "contact") -> None:
        """Raises `TooManyDeletions`. One alone is no share: a small directory could not lose any."""
        share = 100 * leaving / synced if synced else 0
        if leaving <= self.number and (leaving <= 1 or share <= self.percent):
            return
        raise TooManyDeletions(
            f"{leaving:,} of {synced:,} synced {kind}s are gone from Active Directory or from the part of it that is "
            f"synced. That is more than {self.number:,} or {self.percent:g}%, so nothing was changed. If it is "
            "right, start a sync that may delete: startDirectorySync(allowDeletions: true), or "
            "contacts sync --allow-deletions. If not, restore them, or mend CONTACTS_AD_BASE_DNS or CONTACTS_AD_FILTER."
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the inventory shows of the contacts or groups here, as objectGUIDs: gone from there, or to be read.

    `waiting`: missing there, but not for sure; kept until the next cycle.
    """

    gone: Sequence[str]
    to_read: Sequence[str]
    waiting: Collection[str] = ()


def compare(known: Mapping[str, Document], inventory: Collection[Presence], database: str, since: int) -> Comparison:
    """What changes after the USN `since` do not tell: what left the scope, came into it, or was renamed with its OU.

    And what is not noted as this database has it: an object that was refused when it was read, that another database
    told of, or that was restored with an older copy of this one.
    """
    present = {each.object_guid for each in inventory}
    return Comparison(
        [guid for guid in known if guid not in present],
        [each.object_guid for each in inventory if _is_to_be_read(known.get(each.object_guid), each, database, since)],
    )


def _is_to_be_read(noted: Document | None, each: Presence, database: str, since: int) -> bool:
    if each.usn_changed > since:
        return False  # the changes tell
    there = (each.distinguished_name, database, each.usn_changed)
    return noted is None or (noted["distinguishedName"], noted.get("database"), noted.get("usnChanged")) != there
