"""The index of addresses: small and exact."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from resolvers.imports.row_index import RowIndex


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(1, 2**32 - 1))))
def test_first_row_counts(named: list[tuple[str, int]]) -> None:
    """Each text has the first row that names it, as in a dictionary."""
    index, expected = RowIndex(), dict[str, int]()
    for text, row in named:
        assert index.add(text, row) == expected.setdefault(text, row)
    assert {text: index.get(text) for text in expected} == expected
    assert index.get("none of them") is None


def test_it_is_small() -> None:
    """A hundred thousand texts take less than four megabytes."""
    tracemalloc.start()
    index = RowIndex()
    for number in range(1, 100_001):
        index.add(f"person{number}@acme.example", number)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert size < 4_000_000
    assert all(index.get(f"person{number}@acme.example") == number for number in range(1, 100_001, 97))
