"""An index of the first row of a file that names an address: exact for millions of rows, in a few bytes each."""

from array import array

_TABLES = 256
_SMALLEST = 16


class RowIndex:
    """Texts, each with the number of the first row that names it.

    It stores a 64-bit hash of each text instead of the text, in hash tables with open addressing. Many small tables
    make sure that growing one takes little time. Python keys its hashes with a secret, so nobody can construct
    collisions.
    """

    def __init__(self) -> None:
        self._tables = [_Table() for _ in range(_TABLES)]

    def add(self, text: str, row: int) -> int:
        """The first row that names this text, which is this row if the text is new."""
        hashed = hash(text) & 0xFFFFFFFFFFFFFFFF
        return self._tables[hashed % _TABLES].add(hashed, row)

    def get(self, text: str) -> int | None:
        """The first row that names this text, or None."""
        hashed = hash(text) & 0xFFFFFFFFFFFFFFFF
        return self._tables[hashed % _TABLES].get(hashed)


class _Table:
    def __init__(self) -> None:
        self._used = 0
        self._hashes = array("Q", bytes(8 * _SMALLEST))
        self._rows = array("I", bytes(4 * _SMALLEST))  # 0: free

    def add(self, hashed: int, row: int) -> int:
        place = self._place(hashed)
        if found := self._rows[place]:
            return found
        self._hashes[place] = hashed
        self._rows[place] = row
        self._used += 1
        if self._used * 3 > len(self._rows) * 2:
            self._grow()
        return row

    def get(self, hashed: int) -> int | None:
        return self._rows[self._place(hashed)] or None

    def _place(self, hashed: int) -> int:
        """Where this hash is stored, or would be."""
        size = len(self._rows)
        place = hashed // _TABLES % size
        while self._rows[place] and self._hashes[place] != hashed:
            place = (place + 1) % size
        return place

    def _grow(self) -> None:
        hashes, rows = self._hashes, self._rows
        self._hashes = array("Q", bytes(16 * len(rows)))
        self._rows = array("I", bytes(8 * len(rows)))
        for hashed, row in zip(hashes, rows, strict=True):
            if row:
                place = self._place(hashed)
                self._hashes[place] = hashed
                self._rows[place] = row
