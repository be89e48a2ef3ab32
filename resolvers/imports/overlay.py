"""What planned changes that are not written yet alter: who holds an address, and who manages whom."""

from array import array
from collections.abc import Iterable

from resolvers.imports.row_index import RowIndex
from storage.documents import Document, new_id
from storage.keys import addresses

_PREVIEWED = "00000000-0000-7000-8000-"
_CREATED = 1


class Overlay:
    """Of one batch, whose rows are written together."""

    def __init__(self) -> None:
        self._holders: dict[str, str | None] = {}
        self._managers: dict[str, str | None] = {}

    def new_id(self, place: int) -> str:
        """The id of the contact that the row at this place creates."""
        return new_id()

    def created(self, place: int, contact: Document) -> None:
        """Note a contact that a row creates."""
        self._hold(addresses(contact), contact["_id"])
        self._managers[contact["_id"]] = contact.get("managerId")

    def updated(self, before: Document, after: Document) -> None:
        """Note what changes of a contact that exists."""
        old, new = set(addresses(before)), set(addresses(after))
        self._hold(old - new, None)
        self._hold(new - old, after["_id"])
        if (manager := after.get("managerId")) != before.get("managerId"):
            self._managers[after["_id"]] = manager

    def holder(self, address: str) -> tuple[bool, str | None]:
        """Whether the changes decide who holds an address, and the id of the contact; None if nobody does any more."""
        return address in self._holders, self._holders.get(address)

    def manager(self, identifier: str) -> tuple[bool, str | None]:
        """Whether the changes decide who a contact's manager is, and the id; None if there is none."""
        return identifier in self._managers, self._managers.get(identifier)

    def _hold(self, some: Iterable[str], identifier: str | None) -> None:
        self._holders |= dict.fromkeys(some, identifier)


class DryRunOverlay(Overlay):
    """Of a whole file, which is not written: a few bytes for each row.

    What a row creates has the addresses that `index` has at the row's place, and an id that is made of the place.
    """

    def __init__(self, index: RowIndex) -> None:
        super().__init__()
        self._index = index
        self._rows = array("q")  # by place: 0, or that it created a contact, and its manager (`_code`)
        self._known: list[str] = []  # ids of managers that exist
        self._numbers: dict[str, int] = {}

    def new_id(self, place: int) -> str:
        """The same id whenever it is asked for."""
        return f"{_PREVIEWED}{place:012x}"

    def created(self, place: int, contact: Document) -> None:
        """Note a contact that a row creates."""
        if place >= len(self._rows):
            self._rows.frombytes(bytes(8 * (place + 1_000 - len(self._rows))))
        self._rows[place] = self._code(contact.get("managerId"))
        self._hold((each for each in addresses(contact) if each in self._holders), contact["_id"])

    def holder(self, address: str) -> tuple[bool, str | None]:
        """As for a batch: rows that created something hold what the index says."""
        if address not in self._holders and (place := self._index.get(address)) and self._row(place):
            return True, self.new_id(place)
        return super().holder(address)

    def manager(self, identifier: str) -> tuple[bool, str | None]:
        """As for a batch."""
        if identifier.startswith(_PREVIEWED):
            return True, self._decoded(self._row(int(identifier.removeprefix(_PREVIEWED), 16)))
        return super().manager(identifier)

    def _row(self, place: int) -> int:
        return self._rows[place] if place < len(self._rows) else 0

    def _code(self, manager: str | None) -> int:
        """Nobody is 1, the contact of a row an even number, one that exists an odd one."""
        if manager is None:
            return _CREATED
        if manager.startswith(_PREVIEWED):
            return 2 * int(manager.removeprefix(_PREVIEWED), 16)
        number = self._numbers.setdefault(manager, len(self._known))
        if number == len(self._known):
            self._known.append(manager)
        return 2 * number + 3

    def _decoded(self, code: int) -> str | None:
        if code <= _CREATED:
            return None
        return self._known[(code - 3) // 2] if code % 2 else self.new_id(code // 2)
