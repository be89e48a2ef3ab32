"""Cursors and page sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.errors import InvalidRequest
from resolvers.paging import MAX_SIZE, cursor, decode, encode, window
from storage.lists.pages import Ordering

NAME = Ordering("keys.name")
ORDERINGS = [NAME, Ordering("keys.name", descending=True), Ordering("_id"), Ordering("keys.name", of="groups")]


@given(st.text())
def test_cursor_holds_its_key(key: str) -> None:
    """Any key can be read back from its cursor."""
    assert decode(NAME, encode(NAME, key)) == key


@given(st.text(), st.sampled_from(ORDERINGS))
def test_wild_cursors_are_refused(wild: str, ordering: Ordering) -> None:
    """An invalid cursor is refused with a message, not with a Python error."""
    with pytest.raises(InvalidRequest, match="cursor"):
        decode(ordering, wild)


def test_foreign_cursors_are_refused() -> None:
    """A cursor is only valid for its own ordering and list."""
    for mine in ORDERINGS:
        for other in ORDERINGS:
            if mine != other:
                with pytest.raises(InvalidRequest):
                    decode(other, encode(mine, "a"))


@pytest.mark.parametrize("damage", ["!", "=", "é"])
def test_damaged_cursors_are_refused(damage: str) -> None:
    """A cursor with a missing or additional character is invalid."""
    with pytest.raises(InvalidRequest):
        decode(NAME, encode(NAME, "ana") + damage)


def test_window() -> None:
    """`last` pages backward; without `first` and `last`, the page has the default size."""
    after = cursor(NAME, {"keys": {"name": "ana\0id"}})
    assert window(NAME, after=after).after == "ana\0id"
    assert window(NAME, last=3).backwards
    assert window(NAME).limit == 50


@pytest.mark.parametrize("sizes", [{"first": -1}, {"last": MAX_SIZE + 1}, {"first": 1, "last": 1}])
def test_impossible_windows_are_refused(sizes: dict[str, int]) -> None:
    """A page size out of range, or both directions at once, is refused."""
    with pytest.raises(InvalidRequest):
        window(NAME, **sizes)  # type: ignore[arg-type] # mypy checks the sizes against all arguments
