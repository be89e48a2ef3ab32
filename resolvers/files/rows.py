"""The rows of an import, whatever file or request they come from."""

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
"""The maximum number of groups in a row."""
_LONGEST_ADDRESS = 320
_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with a row: the column (None for the whole row), a code, what to do, and the value.

    Codes: those of `resolvers.errors`, and `DUPLICATE_ROW`, `ALREADY_EXISTS`, `TOO_MANY_CELLS`, `ENCODING`,
    `MANAGER_NOT_FOUND`, `GROUP_NOT_FOUND`, `AMBIGUOUS_GROUP`, `CHANGED_SINCE`.
    """

    column: str | None
    code: str
    message: str
    value: str | None = None


@dataclass(slots=True)
class ImportRow:
    """One row. `fields` as in `resolvers.rules`: absent fields stay unchanged, None clears.

    `derived` are fields for which the file has no column; only a new contact gets them. `manager` is an address and
    `manager_id` an ID, empty for no manager. `groups` are names or addresses. None leaves them unchanged. `problems`
    were found while reading. `cells`, or `json`, are the original, for the file of failed rows. `checked` is the result
    of the rules for a new contact, once they were run.
    """

    number: int
    line: int | None
    fields: dict[str, Any]  # values from a file or client, which the rules check
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
        """The row's place for people: the line it starts on, or its number if there are no lines."""
        return self.line or self.number

    @property
    def size(self) -> int:
        """The number of characters in the row."""
        return sum(map(len, self.cells)) + len(self.json)

    @property
    def email_address(self) -> str:
        """The row's primary address in the form that is compared. Empty if it has none."""
        return self._compared()[0]

    @property
    def addresses(self) -> Sequence[str]:
        """The row's addresses in the form that is compared, the primary one first. They are not validated yet."""
        return looked_up(self._compared())

    def _compared(self) -> Sequence[str]:
        if self._addresses is None:
            self._addresses = compared(self.fields.get("emailAddress"), self.fields.get("aliases"))
        return self._addresses


def compared(address: object, aliases: object) -> Sequence[str]:
    """The addresses of a row in the form that is compared: the primary one, which may be empty, then each alias once.

    If there are too many aliases, only one more than allowed is read, which is enough for an error.
    """
    own = compared_address(address) if isinstance(address, str) else ""
    if not isinstance(aliases, list):
        return (own,)
    some = islice((each for each in aliases if isinstance(each, str)), rules.MAX_ALIASES + 1)
    others = dict.fromkeys(map(compared_address, some))
    return (own, *(each for each in others if each and each != own))


def compared_address(address: str) -> str:
    """An address in the form that is compared. A text that is too long is cut and made invalid."""
    address = address.strip()
    return address_key(address) if len(address) <= _LONGEST_ADDRESS else address[:_LONGEST_ADDRESS].replace("@", "")


def looked_up(compared: Sequence[str]) -> Sequence[str]:
    """Those that may be addresses, because they contain an @, and are therefore looked up."""
    return [each for each in compared if "@" in each]


def check(row: ImportRow, default_region: str) -> Document | InvalidInput:
    """Check a row as a new contact: the contact's fields, or the problems."""
    fields = {name: value for name, value in {**row.derived, **row.fields}.items() if value is not None}
    try:
        return rules.new_contact(fields, default_region)
    except InvalidInput as problem:
        return problem


def of_json(number: int, text: bytes) -> ImportRow:
    """The row of a JSON object like `CreateContactInput`, with optional `manager` and `groups` as in a CSV file."""
    if len(text) > MAX_RECORD:
        message = f"The row has {len(text):,} bytes. The maximum is {MAX_RECORD:,}."
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
    row.problems.append(RowProblem(name, "WRONG_TYPE", f"{name} must be a string."))
    return None


def _texts(row: ImportRow, name: str, value: object) -> Sequence[str] | None:
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    row.problems.append(RowProblem(name, "WRONG_TYPE", f"{name} must be a list of strings."))
    return None
