"""What an import is fed: rows, whatever file or request they come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson

from resolvers import rules
from resolvers.errors import InvalidInput
from resolvers.files.records import MAX_RECORD
from storage.documents import Document
from storage.keys import address_key

MAX_GROUPS = 100
"""So many groups a row may name."""
_LONGEST_ADDRESS = 320
_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with a row: the column (None: the row itself), a code, what to do, and the value there.

    Codes: those of `resolvers.errors`, and `DUPLICATE_ROW`, `ALREADY_EXISTS`, `TOO_MANY_CELLS`, `ENCODING`,
    `MANAGER_NOT_FOUND`, `GROUP_NOT_FOUND`, `AMBIGUOUS_GROUP`, `CHANGED_SINCE`.
    """

    column: str | None
    code: str
    message: str
    value: str | None = None


@dataclass(slots=True)
class ImportRow:
    """One row. `fields` as in `resolvers.rules`, without what the row leaves as it is; None there clears.

    `derived` are fields that only a new contact takes, where the file has no column for them. `manager` is an
    address and `manager_id` an id, empty to have none; `groups` are names or addresses; None leaves things as they
    are. `problems` were found in reading. `cells`, or `json` where it came so, are the original, for the file of
    refused rows. `checked` is what the rules make of it as a new contact, where that was found out ahead of time.
    """

    number: int
    line: int | None
    fields: dict[str, Any]  # as the file or the client gives them; rules check them
    derived: dict[str, str] = field(default_factory=dict)
    manager: str | None = None
    manager_id: str | None = None
    groups: Sequence[str] | None = None
    problems: list[RowProblem] = field(default_factory=list)
    cells: Sequence[str] = ()
    json: str = ""
    checked: Document | InvalidInput | None = None
    _addresses: Sequence[str] | None = None

    @property
    def place(self) -> int:
        """Where it is, as people count: the line it starts on, or its number where there are no lines."""
        return self.line or self.number

    @property
    def size(self) -> int:
        """How many characters it has."""
        return sum(map(len, self.cells)) + len(self.json)

    @property
    def email_address(self) -> str:
        """The row's own address as it is compared, empty if it has none."""
        return self._compared()[0]

    @property
    def addresses(self) -> Sequence[str]:
        """All that may be addresses of those it gives, as compared, its own first. They are not checked yet."""
        return looked_up(self._compared())

    def _compared(self) -> Sequence[str]:
        if self._addresses is None:
            self._addresses = compared(self.fields.get("emailAddress"), self.fields.get("aliases"))
        return self._addresses


def compared(address: object, aliases: object) -> Sequence[str]:
    """Addresses as a row gives them, as they are compared: its own, which may be empty, then each other one once.

    Of more aliases than a contact may have only as many are taken as it takes to refuse them.
    """
    own = compared_address(address) if isinstance(address, str) else ""
    if not isinstance(aliases, list):
        return (own,)
    some = islice((each for each in aliases if isinstance(each, str)), rules.MAX_ALIASES + 1)
    others = dict.fromkeys(map(compared_address, some))
    return (own, *(each for each in others if each and each != own))


def compared_address(address: str) -> str:
    """An address as it is compared; what is too long to be one is cut, and is none."""
    address = address.strip()
    return address_key(address) if len(address) <= _LONGEST_ADDRESS else address[:_LONGEST_ADDRESS].replace("@", "")


def looked_up(compared: Sequence[str]) -> Sequence[str]:
    """Those that may be addresses: what has no @ is not worth a look."""
    return [each for each in compared if "@" in each]


def check(row: ImportRow, default_region: str) -> Document | InvalidInput:
    """What the rules make of a row as a new contact."""
    fields = {name: value for name, value in {**row.derived, **row.fields}.items() if value is not None}
    try:
        return rules.new_contact(fields, default_region)
    except InvalidInput as problem:
        return problem


def of_json(number: int, text: bytes) -> ImportRow:
    """The row of a JSON object like `CreateContactInput`, with `manager` and `groups` as in a CSV file besides."""
    if len(text) > MAX_RECORD:
        message = f"The row has {len(text):,} bytes; {MAX_RECORD:,} are the most."
        problem = RowProblem(None, "TOO_LONG", message)
        return ImportRow(number, None, {}, problems=[problem], json=text[:_SHOWN].decode(errors="ignore"))
    row = _of_value(number, orjson.loads(text))
    row.json = text.decode()
    return row


def _of_value(number: int, value: object) -> ImportRow:
    if not isinstance(value, Mapping):
        problem = RowProblem(None, "WRONG_TYPE", "Each row must be an object with a contact's fields.")
        return ImportRow(number, None, {}, problems=[problem])
    fields = dict(value)
    row = ImportRow(number, None, fields)
    if "manager" in fields:
        row.manager = _text(row, "manager", fields.pop("manager"))
    if "managerId" in fields:
        row.manager_id = _text(row, "managerId", fields.pop("managerId"))
    if "groups" in fields:
        row.groups = _texts(row, "groups", fields.pop("groups"))
    return row


def _text(row: ImportRow, name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value or ""
    row.problems.append(RowProblem(name, "WRONG_TYPE", f"{name} must be a text."))
    return None


def _texts(row: ImportRow, name: str, value: object) -> Sequence[str] | None:
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    row.problems.append(RowProblem(name, "WRONG_TYPE", f"{name} must be a list of texts."))
    return None
