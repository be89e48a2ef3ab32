"""Writes contacts as CSV, with the documented columns, so that importing the file changes nothing."""

import csv
import io
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import asdict
from datetime import datetime
from typing import Any

from resolvers import audit_log
from resolvers.access import requires
from resolvers.caller import Caller, Role
from resolvers.errors import FieldProblem, InvalidInput
from resolvers.files.cells import escape
from resolvers.files.columns import COLUMNS, plain
from resolvers.files.names import Names, names
from resolvers.files.text import MARK
from storage import contacts
from storage.documents import Document, utc
from storage.fields import camel_name
from storage.lists.pages import Ordering
from storage.lists.selection import Selection

BATCH = 500
"""The number of contacts in each piece of an export."""
_MAX_NAMES = 10_000
"""The maximum number of managers and groups remembered from batch to batch."""
_SOURCES = {"SYNCED": "Synced", "CLOUD": "Cloud"}


Cell = Callable[[Document, Names], str]


def chosen(names: Iterable[str]) -> Sequence[str]:
    """These columns with their proper names. Raises `InvalidInput` for unknown names."""
    ours = {plain(name): name for name in COLUMNS}
    given = list(names)
    if unknown := [name for name in given if plain(name) not in ours]:
        message = f"There is no column {unknown[0]!r}. Use any of {', '.join(COLUMNS)}."
        raise InvalidInput([FieldProblem("columns", "UNKNOWN_FIELD", message)])
    return [ours[plain(name)] for name in given]


@requires(Role.READER, "EXPORT_CONTACTS")
async def export(
    caller: Caller,
    selection: Selection,
    ordering: Ordering,
    columns: Sequence[str] = tuple(COLUMNS),
    *,
    bom: bool = False,
) -> AsyncGenerator[bytes]:
    """The selected contacts in order as UTF-8, with a byte-order mark if `bom`, read as they are consumed.

    The first piece is the header. Each other piece is a batch of `BATCH` contacts, or fewer in the last one. The export
    is recorded in the audit log before it starts.
    """
    await audit_log.record(caller, details={"filters": _filters(selection), "columns": list(columns)})
    return _pieces(caller, selection, ordering, columns, bom=bom)


async def _pieces(
    caller: Caller, selection: Selection, ordering: Ordering, columns: Sequence[str], *, bom: bool
) -> AsyncGenerator[bytes]:
    yield MARK.encode() * bom + _lines([columns])
    fields = [COLUMNS[name] for name in columns]
    stored = list(dict.fromkeys(_STORED.get(field) or field.partition(".")[0] for field in fields))
    cells = [_cell(field) for field in fields]
    called = Names()
    async with aclosing(contacts.batches(caller.db, selection, ordering, BATCH, stored)) as found:
        async for batch in found:
            await _learn(caller, batch, called)
            yield _lines([cell(contact, called) for cell in cells] for contact in batch)


def _filters(selection: Selection) -> Document:
    """The filters of a selection, as the API names and shows them."""
    given = {name: value for name, value in asdict(selection).items() if value is not None}
    shown = {name: utc(value) if isinstance(value, datetime) else value for name, value in given.items()}
    return {camel_name(name): value for name, value in shown.items()}


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


async def _learn(caller: Caller, batch: Sequence[Document], called: Names) -> None:
    """Read the names of the managers and groups of a batch that aren't known from earlier batches."""
    if len(called.managers) + len(called.groups) > _MAX_NAMES:
        called.managers.clear()
        called.groups.clear()
    managers = {manager for contact in batch if (manager := contact.get("managerId"))} - called.managers.keys()
    groups = {each for contact in batch for each in contact.get("groupIds", ())} - called.groups.keys()
    found = await names(caller, managers, groups)
    called.managers |= found.managers
    called.groups |= found.groups


def _cell(field: str) -> Cell:
    """The function that writes the cell of a field."""
    if field in _SPECIAL:
        return _SPECIAL[field]
    name, _, part = field.partition(".")
    if part:
        return lambda contact, _: escape(contact.get(name, {}).get(part, ""))
    return lambda contact, _: escape(contact.get(field, ""))


def _show_in_gal(contact: Document, names: Names) -> str:
    return "true" if contact["gal"] == "VISIBLE" else "false"


def _aliases(contact: Document, names: Names) -> str:
    return escape(";".join(contact.get("aliases", ())))


def _manager(contact: Document, names: Names) -> str:
    return escape(names.managers.get(contact.get("managerId", ""), ""))


def _source(contact: Document, names: Names) -> str:
    return _SOURCES[contact["source"]]


def _groups(contact: Document, names: Names) -> str:
    ids: Any = contact.get("groupIds", ())
    return escape(";".join(names.groups[each] for each in ids if each in names.groups))


_SPECIAL: dict[str, Cell] = {
    "showInGal": _show_in_gal,
    "aliases": _aliases,
    "manager": _manager,
    "source": _source,
    "groups": _groups,
}
_STORED = {"showInGal": "gal", "manager": "managerId", "groups": "groupIds"}
