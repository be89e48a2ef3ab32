"""What a preview remembers of a whole file, in little memory."""

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
    """An overlay and the ids that it gave, by which it is told what another one is told."""

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
        """Who holds a row's address: the place of the row that does, or an id."""
        return self._told(self.overlay.holder(address(place)))

    def manager(self, place: int) -> tuple[bool, object]:
        """Who manages the contact that a row created."""
        return self._told(self.overlay.manager(self.ids[place]))

    def _told(self, told: tuple[bool, str | None]) -> tuple[bool, object]:
        places: dict[str | None, object] = {identifier: place for place, identifier in self.ids.items()}
        return told[0], places.get(told[1], told[1])


@given(st.sets(st.integers(1, 6)), st.lists(MANAGERS, max_size=6))
def test_a_preview_is_an_overlay(freed: set[int], managers: list[int | str | None]) -> None:
    """Of the rows that create contacts, a preview knows in a few bytes what a batch knows in full."""
    index = RowIndex()
    for place in range(1, len(managers) + 1):
        index.add(address(place), place)
    batch, preview = World(Overlay(), freed, managers), World(DryRunOverlay(index), freed, managers)
    for place in range(1, 8):
        assert preview.holder(place) == batch.holder(place)
    for place in batch.ids:
        assert preview.manager(place) == batch.manager(place)


def test_a_preview_takes_little_memory() -> None:
    """Each row takes a few bytes, with its manager."""
    index = RowIndex()
    for place in range(1, ROWS + 1):
        index.add(address(place), place)
    tracemalloc.start()
    preview = DryRunOverlay(index)
    for place in range(1, ROWS + 1):
        preview.created(place, contact(preview, place, preview.new_id(place // 2) if place > 1 else None))
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert size < 20 * ROWS
    assert preview.manager(preview.new_id(40_001)) == (True, preview.new_id(20_000))
