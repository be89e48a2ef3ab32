"""A dry run's overlay for a whole file: correct, and small in memory."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from resolvers.imports.overlay import DryRunOverlay, Overlay
from resolvers.imports.row_index import RowIndex
from storage.documents import Document

ROWS = 50_000
MANAGERS = st.one_of(st.none(), st.integers(1, 6), st.sampled_from(["x", "y"]))


def address(place: int) -> str:
    return f"p{place}@a.example"


def contact(overlay: Overlay, place: int, manager: str | None) -> Document:
    """The contact that the row at this place creates."""
    found = {"_id": overlay.new_id(place), "emailAddress": address(place)}
    return {**found, "managerId": manager} if manager else found


class World:
    """An overlay and the IDs that it assigned, so that two overlays can be compared by the places of their rows."""

    def __init__(self, overlay: Overlay, freed: set[int], managers: list[int | str | None]) -> None:
        self.overlay = overlay
        self.ids: dict[int, str] = {}
        for place in freed:
            overlay.updated({"_id": "x", "emailAddress": address(place)}, {"_id": "x", "emailAddress": "x@a.example"})
        for place, manager in enumerate(managers, start=1):
            above = self.ids.get(manager) if isinstance(manager, int) else manager
            created = contact(overlay, place, above)
            self.ids[place] = created["_id"]
            overlay.created(place, created)

    def holder(self, place: int) -> tuple[bool, object]:
        """The holder of a row's address: the place of a row, or an ID."""
        return self._by_place(self.overlay.holder(address(place)))

    def manager(self, place: int) -> tuple[bool, object]:
        """The manager of the contact that a row created."""
        return self._by_place(self.overlay.manager(self.ids[place]))

    def _by_place(self, answer: tuple[bool, str | None]) -> tuple[bool, object]:
        places: dict[str | None, object] = {identifier: place for place, identifier in self.ids.items()}
        return answer[0], places.get(answer[1], answer[1])


@given(st.sets(st.integers(1, 6)), st.lists(MANAGERS, max_size=6))
def test_a_dry_run_overlay_equals_that_of_a_batch(freed: set[int], managers: list[int | str | None]) -> None:
    """The compact overlay of a dry run gives the same answers as the overlay of a batch."""
    index = RowIndex()
    for place in range(1, len(managers) + 1):
        index.add(address(place), place)
    batch, dry_run = World(Overlay(), freed, managers), World(DryRunOverlay(index), freed, managers)
    for place in range(1, 8):
        assert dry_run.holder(place) == batch.holder(place)
    for place in batch.ids:
        assert dry_run.manager(place) == batch.manager(place)


def test_a_dry_run_takes_little_memory() -> None:
    """Each row takes a few bytes, including its manager."""
    index = RowIndex()
    for place in range(1, ROWS + 1):
        index.add(address(place), place)
    tracemalloc.start()
    dry_run = DryRunOverlay(index)
    for place in range(1, ROWS + 1):
        dry_run.created(place, contact(dry_run, place, dry_run.new_id(place // 2) if place > 1 else None))
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert size < 20 * ROWS
    assert dry_run.manager(dry_run.new_id(40_001)) == (True, dry_run.new_id(20_000))
