"""Decides how a cycle reads: in full, or only what changed since a mark."""

from dataclasses import dataclass
from enum import StrEnum

from connector.reader import Mark


class FullReason(StrEnum):
    """Why a cycle reads everything."""

    FIRST_CYCLE = "FIRST_CYCLE"
    OTHER_DATABASE = "OTHER_DATABASE"
    ROLLED_BACK = "ROLLED_BACK"
    REQUESTED = "REQUESTED"


@dataclass(frozen=True, slots=True)
class Plan:
    """`since` is the USN to read after, None to read everything for the reason given.

    `familiar`: whether the database is the one that the last cycle read.
    """

    since: int | None
    reason: FullReason | None = None
    familiar: bool = True


def plan(previous: Mark | None, current: Mark, *, full: bool = False) -> Plan:
    """What a cycle at `current` must read when everything up to `previous` is safe, or in `full` if that is asked for.

    USNs of different databases do not compare; a database whose USN went down was restored from an older copy.
    """
    if previous is None:
        return Plan(None, FullReason.FIRST_CYCLE, familiar=False)
    if previous.invocation_id != current.invocation_id:
        return Plan(None, FullReason.OTHER_DATABASE, familiar=False)
    if full:
        return Plan(None, FullReason.REQUESTED)
    if current.usn < previous.usn:
        return Plan(None, FullReason.ROLLED_BACK)
    return Plan(previous.usn)
