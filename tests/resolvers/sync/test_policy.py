"""The deletion limit, and the comparison with the inventory."""

import pytest

from resolvers.sync.policy import DeletionLimit, TooManyDeletions, compare
from resolvers.sync.source import InventoryLine


@pytest.mark.parametrize(
    ("leaving", "synced", "allowed"),
    [
        (0, 0, True),
        (1, 1, True),
        (1, 5, True),
        (2, 19, False),
        (2, 20, True),
        (500, 5_000, True),
        (501, 100_000, False),
        (500, 4_999, False),
    ],
)
def test_limit(leaving: int, synced: int, allowed: bool) -> None:
    """More than 500 or 10% are too many, except for a single contact."""
    limit = DeletionLimit(500, 10)
    if allowed:
        limit.check(leaving, synced)
    else:
        with pytest.raises(TooManyDeletions, match="allow-deletions"):
            limit.check(leaving, synced)


def test_limit_of_zero() -> None:
    """A limit of zero stops at any deletion."""
    with pytest.raises(TooManyDeletions):
        DeletionLimit(0, 100).check(1, 1_000)


@pytest.mark.parametrize(
    ("present", "gone", "to_read"),
    [
        (None, ["a"], []),
        (InventoryLine("a", "CN=A", 5), [], []),
        (InventoryLine("a", "CN=A,OU=X", 5), [], ["a"]),
        (InventoryLine("a", "CN=A", 4), [], ["a"]),
        (InventoryLine("a", "CN=A", 11), [], []),
        (InventoryLine("b", "CN=B", 3), ["a"], ["b"]),
        (InventoryLine("b", "CN=B", 11), ["a"], []),
    ],
)
def test_inventory(present: InventoryLine | None, gone: list[str], to_read: list[str]) -> None:
    """Objects that are gone, moved, restored or new in scope are found, although the changes do not show them."""
    known = {"a": {"distinguishedName": "CN=A", "database": "d", "usnChanged": 5}}
    found = compare(known, [present] if present else [], "d", since=10)
    assert (found.gone, found.to_read) == (gone, to_read)


def test_numbers_of_other_databases_do_not_compare() -> None:
    """Objects recorded from another database are read again, even if the USNs are equal."""
    known = {"a": {"distinguishedName": "CN=A", "database": "other", "usnChanged": 5}}
    assert compare(known, [InventoryLine("a", "CN=A", 5)], "d", since=10).to_read == ["a"]
