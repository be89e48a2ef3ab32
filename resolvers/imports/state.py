"""What a run of an import knows of its file and of the rows it has been through."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from resolvers.files.rows import ImportRow, RowProblem
from resolvers.imports.overlay import DryRunOverlay
from resolvers.imports.row_index import RowIndex
from storage.changes import Change

OnMatch = Literal["SKIP", "UPDATE", "FAIL"]
ErrorPolicy = Literal["SKIP_FAILED_ROWS", "REJECT_ALL"]
Action = Literal["CREATED", "UPDATED", "UNCHANGED", "SKIPPED", "FAILED", "WAITING"]
MEETING = frozenset({"UPDATED", "UNCHANGED", "SKIPPED"})
"""Outcomes of rows that met a contact. What a row created has the addresses of that row alone."""


class ImportRefused(Exception):
    """Raised where a row turns out to be one that cannot be imported."""

    def __init__(self, *problems: RowProblem) -> None:
        super().__init__(*problems)
        self.problems = problems


@dataclass(slots=True)
class RowOutcome:
    """What becomes of a row. `WAITING`: its manager is a later row, so that it is decided after that one.

    `change` is what to write; `groups` are the memberships before and after, if they change. `version` is the one
    that the contact then has.
    """

    row: ImportRow
    action: Action
    contact_id: str | None = None
    version: int | None = None
    change: Change | None = None
    groups: tuple[Sequence[str], Sequence[str]] | None = None
    problems: Sequence[RowProblem] = ()


@dataclass(slots=True)
class RunState:
    """What is known before a batch is planned; it changes only when the batch is done.

    `index` has the addresses of all rows of the file, `met` the ids of the contacts that were there before rows met
    them, each with the row's place. `waiting` are the places of rows that wait for others; `frontier` is the place up
    to which the rest is decided. `preview` holds what would have been written, where nothing is.
    """

    index: RowIndex = field(default_factory=RowIndex)
    met: RowIndex = field(default_factory=RowIndex)
    waiting: set[int] = field(default_factory=set)
    frontier: int = 0
    preview: DryRunOverlay | None = None

    def note(self, outcomes: Sequence[RowOutcome]) -> None:
        """Remember what became of a batch."""
        for outcome in outcomes:
            place = outcome.row.place
            if outcome.action == "WAITING":
                self.waiting.add(place)
            else:
                self.waiting.discard(place)
            if outcome.contact_id and outcome.action in MEETING:
                self.met.add(outcome.contact_id, place)
            self.frontier = max(self.frontier, place)
