"""The state of a running import: its file, and the outcomes of the rows so far."""

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
MATCHED = frozenset({"UPDATED", "UNCHANGED", "SKIPPED"})
"""Outcomes of rows that matched an existing contact. The addresses of a created contact are in its own row only."""


class RowFailed(Exception):
    """Raised when a row cannot be imported."""

    def __init__(self, *problems: RowProblem) -> None:
        super().__init__(*problems)
        self.problems = problems


@dataclass(slots=True)
class RowOutcome:
    """The outcome of a row. `WAITING`: the row depends on a later row, such as its manager, and is decided after it.

    `change` is what to write. `groups` has the contact's groups before and after, if they change. `version` is the
    contact's version afterward.
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
    """The state before a batch is planned. It changes only after the whole batch is planned or written.

    `index` has the addresses of all rows of the file, `matched` the IDs of existing contacts that rows matched, each
    with the row's place. `waiting` has the places of rows that wait for others; all other rows up to the place
    `frontier` are decided. `dry_run` has the planned changes of all batches if nothing is written, else it is None.
    """

    index: RowIndex = field(default_factory=RowIndex)
    matched: RowIndex = field(default_factory=RowIndex)
    waiting: set[int] = field(default_factory=set)
    frontier: int = 0
    dry_run: DryRunOverlay | None = None

    def note(self, outcomes: Sequence[RowOutcome]) -> None:
        """Record the outcomes of a batch."""
        for outcome in outcomes:
            place = outcome.row.place
            if outcome.action == "WAITING":
                self.waiting.add(place)
            else:
                self.waiting.discard(place)
            if outcome.contact_id and outcome.action in MATCHED:
                self.matched.add(outcome.contact_id, place)
            self.frontier = max(self.frontier, place)
