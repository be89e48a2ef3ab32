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
    """Whatever a key is, its cursor gives it back."""
    assert decode(NAME, encode(NAME, key)) == key


@given(st.text(), st.sampled_from(ORDERINGS))
def test_wild_cursors_are_refused(wild: str, ordering: Ordering) -> None:
    """What is no cursor of the list is refused with a sentence, never with a Python error."""
    with pytest.raises(InvalidRequest, match="cursor"):
        decode(ordering, wild)


def test_foreign_cursors_are_refused() -> None:
    """A cursor of one ordering or list means nothing in another."""
    for mine in ORDERINGS:
        for other in ORDERINGS:
            if mine != other:
                with pytest.raises(InvalidRequest):
                    decode(other, encode(mine, "a"))


@pytest.mark.parametrize("damage", ["!", "=", "é"])
def test_damaged_cursors_are_refused(damage: str) -> None:
    """A cursor that lost or gained a character is no cursor."""
    with pytest.raises(InvalidRequest):
        decode(NAME, encode(NAME, "ana") + damage)


def test_window() -> None:
    """Paging backwards is told by last, and neither means the default size."""
    after = cursor(NAME, {"keys": {"name": "ana\0id"}})
    assert window(NAME, after=after).after == "ana\0id"
    assert window(NAME, last=3).backwards
    assert window(NAME).limit == 50


@pytest.mark.parametrize("sizes", [{"first": -1}, {"last": MAX_SIZE + 1}, {"first": 1, "last": 1}])
def test_impossible_windows_are_refused(sizes: dict[str, int]) -> None:
    """A page size out of bounds, or two directions at once, are refused."""
    with pytest.raises(InvalidRequest):
        window(NAME, **sizes)  # type: ignore[arg-type] # mypy takes the sizes for any of the arguments
