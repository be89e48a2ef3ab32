"""What a run reads, what it may delete, and who may have which address: pure functions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from resolvers.sync.source import InventoryLine, Mark
from storage.changes import Change
from storage.documents import Document
from storage.keys import addresses


class FullReason(StrEnum):
    """Why a cycle reads everything."""

    FIRST_CYCLE = "FIRST_CYCLE"
    OTHER_DATABASE = "OTHER_DATABASE"
    ROLLED_BACK = "ROLLED_BACK"
    REQUESTED = "REQUESTED"


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """`since` is the USN to read after, None to read everything for the reason given.

    `familiar`: whether the database is the one that the last cycle read.
    """

    since: int | None
    reason: FullReason | None = None
    familiar: bool = True


def plan(previous: Mark | None, current: Mark, *, full: bool = False) -> ReadPlan:
    """What a cycle at `current` must read when everything up to `previous` is safe, or in `full` if that is asked for.

    USNs of different databases do not compare; a database whose USN went down was restored from an older copy.
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


def compare(
    known: Mapping[str, Document], inventory: Collection[InventoryLine], database: str, since: int
) -> Comparison:
    """What changes after the USN `since` do not tell: what left the scope, came into it, or was renamed with its OU.

    And what is not noted as this database has it: an object that was refused when it was read, that another database
    told of, or that was restored with an older copy of this one.
    """
    present = {each.object_guid for each in inventory}
    return Comparison(
        [guid for guid in known if guid not in present],
        [each.object_guid for each in inventory if _is_to_be_read(known.get(each.object_guid), each, database, since)],
    )


def _is_to_be_read(noted: Document | None, each: InventoryLine, database: str, since: int) -> bool:
    if each.usn_changed > since:
        return False  # the changes tell
    there = (each.distinguished_name, database, each.usn_changed)
    return noted is None or (noted["distinguishedName"], noted.get("database"), noted.get("usnChanged")) != there


def conflicts(batch: Sequence[Change], holders: Mapping[str, str]) -> dict[int, tuple[str, str]]:
    """The changes that cannot be made, by their place in the batch, each with an address and its holder's id.

    `holders` are the ids of those who hold the batch's addresses now. What one change gives up another may take;
    of two changes that ask for one address, the earlier has it. A change that cannot be made gives nothing up,
    which may stop others: the search goes on until the rest fits together.
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
    going_on = [(place, change) for place, change in enumerate(batch) if place not in refused]
    for _, change in going_on:
        for address in addresses(change.before) if change.before else ():
            held.pop(address, None)
    for place, change in going_on:
        owner = change.contact["_id"]
        for address in addresses(change.after) if change.after else ():
            if held.setdefault(address, owner) != owner:
                return place, address, held[address]
    return None
