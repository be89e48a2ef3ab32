"""Which row of a file first names an address: exact for millions of rows, in a few bytes each."""

from array import array

_TABLES = 256
_SMALLEST = 16


class RowIndex:
    """Texts, each with the number of the row that named it first.

    It keeps 64 bits of each text's hash instead of the text, in open-addressed tables; there are many small tables,
    so that none takes long to grow. Python keys its hashes with a secret: nobody can make two texts collide.
    """

    def __init__(self) -> None:
        self._tables = [_Table() for _ in range(_TABLES)]

    def add(self, text: str, row: int) -> int:
        """The row that named this text first, which is this row if none did."""
        hashed = hash(text) & 0xFFFFFFFFFFFFFFFF
        return self._tables[hashed % _TABLES].add(hashed, row)

    def get(self, text: str) -> int | None:
        """The row that named this text first, None if none did."""
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
        """Where this hash is, or would be put."""
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
