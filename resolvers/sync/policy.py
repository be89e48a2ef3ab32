"""What a run reads, what it may delete, and who may have which address: pure functions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from resolvers.sync.source import InventoryLine, Mark
from storage.changes import Change
from storage.documents import Document
from storage.keys import addresses


class FullReason(StrEnum):
    """Why a run reads everything."""

    FIRST_CYCLE = "FIRST_CYCLE"
    OTHER_DATABASE = "OTHER_DATABASE"
    ROLLED_BACK = "ROLLED_BACK"
    REQUESTED = "REQUESTED"


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """`since`: the USN to read after, or None to read everything for `reason`.

    `familiar`: whether the last run read the same database.
    """

    since: int | None
    reason: FullReason | None = None
    familiar: bool = True


def plan(previous: Mark | None, current: Mark, *, full: bool = False) -> ReadPlan:
    """What a run must read, given the mark of the last run and the current one. `full` requests a full read.

    USNs of different databases cannot be compared. A database whose USN went down was restored from an older copy.
    """
    if previous is None:
        return ReadPlan(None, FullReason.FIRST_CYCLE, familiar=False)
    if previous.invocation_id != current.invocation_id:
        return ReadPlan(None, FullReason.OTHER_DATABASE, familiar=False)
    if full:
        return ReadPlan(None, FullReason.REQUESTED)
    if current.usn < previous.usn:
        return ReadPlan(None, FullReason.ROLLED_BACK)
    return ReadPlan(previous.usn)


class TooManyDeletions(Exception):
    """Raised when a run would delete more contacts or groups than the limit allows. Nothing is written."""

    code = "TOO_MANY_DELETIONS"


@dataclass(frozen=True, slots=True)
class DeletionLimit:
    """The number of contacts or groups, and the percentage of the synced ones, that a run may delete unconfirmed."""

    number: int
    percent: float

    def check(self, leaving: int, synced: int, kind: str = "contact") -> None:
        """Raise `TooManyDeletions` above the limit. The percentage does not apply to a single deletion.

        Otherwise a small directory could not delete anything.
        """
        share = 100 * leaving / synced if synced else 0
        if leaving <= self.number and (leaving <= 1 or share <= self.percent):
            return
        raise TooManyDeletions(
            f"{leaving:,} of {synced:,} synced {kind}s would be deleted, because they are no longer in Active "
            "Directory or no longer in scope. This exceeds the limit of "
            f"{self.number:,} or {self.percent:g}%, so nothing was changed. "
            "If the deletions are intended, run the sync with startDirectorySync(allowDeletions: true) or "
            "contacts sync --allow-deletions. If not, restore the objects, or correct CONTACTS_AD_BASE_DNS or "
            "CONTACTS_AD_FILTER."
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the inventory differs from the synced contacts or groups, as objectGUIDs: objects gone, and objects to read.

    `waiting`: missing, but possibly only not replicated yet; kept until the next run.
    """

    gone: Sequence[str]
    to_read: Sequence[str]
    waiting: Collection[str] = ()


def compare(
    known: Mapping[str, Document], inventory: Collection[InventoryLine], database: str, since: int
) -> Comparison:
    """What the changes after the USN `since` do not show: objects that left or entered the scope or moved with an OU.

    Also objects to read because their recorded database or USN differs: they were skipped, read from another database,
    or restored with an older copy of this one.
    """
    present = {each.object_guid for each in inventory}
    return Comparison(
        [guid for guid in known if guid not in present],
        [each.object_guid for each in inventory if _is_to_be_read(known.get(each.object_guid), each, database, since)],
    )


def _is_to_be_read(noted: Document | None, each: InventoryLine, database: str, since: int) -> bool:
    if each.usn_changed > since:
        return False  # the changes include it
    there = (each.distinguished_name, database, each.usn_changed)
    return noted is None or (noted["distinguishedName"], noted.get("database"), noted.get("usnChanged")) != there


def conflicts(batch: Sequence[Change], holders: Mapping[str, str]) -> dict[int, tuple[str, str]]:
    """The changes that cannot be made, by their position in the batch, each with the taken address and its holder's ID.

    `holders`: the IDs of the current holders of the batch's addresses. A change can take an address that another one
    gives up; if two changes need the same address, the earlier one gets it. A change that cannot be made gives nothing
    up, which can block others, so the search repeats until the remaining changes are free of conflicts.
    """
    refused: dict[int, tuple[str, str]] = {}
    while found := _first_conflict(batch, holders, refused):
        place, address, holder = found
        refused[place] = (address, holder)
    return refused


def _first_conflict(
    batch: Sequence[Change], holders: Mapping[str, str], refused: Mapping[int, object]
) -> tuple[int, str, str] | None:
    held = dict(holders)
    remaining = [(place, change) for place, change in enumerate(batch) if place not in refused]
    for _, change in remaining:
        for address in addresses(change.before) if change.before else ():
            held.pop(address, None)
    for place, change in remaining:
        owner = change.contact["_id"]
        for address in addresses(change.after) if change.after else ():
            if held.setdefault(address, owner) != owner:
                return place, address, held[address]
    return None
