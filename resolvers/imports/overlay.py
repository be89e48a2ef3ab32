"""The effect of planned changes that are not written yet: who holds an address, and who manages a contact."""

from array import array
from collections.abc import Iterable

from resolvers.imports.row_index import RowIndex
from storage.documents import Document, new_id
from storage.keys import addresses

_DRY_RUN_ID = "00000000-0000-7000-8000-"
_CREATED = 1


class Overlay:
    """The planned changes of one batch, whose rows are written together."""

    def __init__(self) -> None:
        self._holders: dict[str, str | None] = {}
        self._managers: dict[str, str | None] = {}

    def new_id(self, place: int) -> str:
        """The ID of the contact that the row at this place creates."""
        return new_id()

    def created(self, place: int, contact: Document) -> None:
        """Record a contact that a row creates."""
        self._hold(addresses(contact), contact["_id"])
        self._managers[contact["_id"]] = contact.get("managerId")

    def updated(self, before: Document, after: Document) -> None:
        """Record a change to an existing contact."""
        old, new = set(addresses(before)), set(addresses(after))
        self._hold(old - new, None)
        self._hold(new - old, after["_id"])
        if (manager := after.get("managerId")) != before.get("managerId"):
            self._managers[after["_id"]] = manager

    def holder(self, address: str) -> tuple[bool, str | None]:
        """Whether the changes affect this address, and the ID of the contact that then holds it; None if it is free."""
        return address in self._holders, self._holders.get(address)

    def manager(self, identifier: str) -> tuple[bool, str | None]:
        """Whether the changes affect this contact's manager, and the manager's ID; None for no manager."""
        return identifier in self._managers, self._managers.get(identifier)

    def _hold(self, some: Iterable[str], identifier: str | None) -> None:
        self._holders |= dict.fromkeys(some, identifier)


class DryRunOverlay(Overlay):
    """The planned changes of a whole file that is not written, in a few bytes per row.

    A contact that a row creates has the addresses that `index` has for the row's place, and an ID made from the place.
    """

    def __init__(self, index: RowIndex) -> None:
        super().__init__()
        self._index = index
        self._rows = array("q")  # by place: 0, or the manager of the contact that the row creates (`_code`)
        self._existing: list[str] = []  # IDs of existing managers
        self._numbers: dict[str, int] = {}

    def new_id(self, place: int) -> str:
        """Always the same ID for the same place."""
        return f"{_DRY_RUN_ID}{place:012x}"

    def created(self, place: int, contact: Document) -> None:
        """Record a contact that a row creates."""
        if place >= len(self._rows):
            self._rows.frombytes(bytes(8 * (place + 1_000 - len(self._rows))))
        self._rows[place] = self._code(contact.get("managerId"))
        self._hold((each for each in addresses(contact) if each in self._holders), contact["_id"])

    def holder(self, address: str) -> tuple[bool, str | None]:
        """As for a batch. A row that creates a contact holds the addresses that the index has for it."""
        if address not in self._holders and (place := self._index.get(address)) and self._row(place):
            return True, self.new_id(place)
        return super().holder(address)

    def manager(self, identifier: str) -> tuple[bool, str | None]:
        """As for a batch."""
        if identifier.startswith(_DRY_RUN_ID):
            return True, self._decoded(self._row(int(identifier.removeprefix(_DRY_RUN_ID), 16)))
        return super().manager(identifier)

    def _row(self, place: int) -> int:
        return self._rows[place] if place < len(self._rows) else 0

    def _code(self, manager: str | None) -> int:
        """1 for no manager, an even number for the contact of a row, a greater odd number for an existing contact."""
        if manager is None:
            return _CREATED
        if manager.startswith(_DRY_RUN_ID):
            return 2 * int(manager.removeprefix(_DRY_RUN_ID), 16)
        number = self._numbers.setdefault(manager, len(self._existing))
        if number == len(self._existing):
            self._existing.append(manager)
        return 2 * number + 3

    def _decoded(self, code: int) -> str | None:
        if code <= _CREATED:
            return None
        return self._existing[(code - 3) // 2] if code % 2 else self.new_id(code // 2)
