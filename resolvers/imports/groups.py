"""The groups that a row names, and how they differ from its contact's current groups."""

from collections.abc import Iterable, Sequence

from resolvers.files.rows import MAX_GROUPS, ImportRow, RowProblem, compared_address
from resolvers.imports.lookups import Lookups
from resolvers.imports.state import RowFailed
from resolvers.mastery import is_editable
from storage.documents import Document
from storage.keys import fold


def joined(row: ImportRow, found: Lookups, column: str) -> list[str]:
    """The IDs of the groups that a new contact joins. Raises `RowFailed`."""
    ids = _named(row, found, column)
    _check_editable(ids, found, column)
    return ids


def changed(
    row: ImportRow, before: Document, found: Lookups, column: str
) -> tuple[Sequence[str], Sequence[str]] | None:
    """A contact's groups before and after, or None if the row doesn't change them. Raises `RowFailed`."""
    if row.groups is None:
        return None
    old, new = before.get("groupIds", []), _named(row, found, column)
    _check_editable(set(old) ^ set(new), found, column)
    return None if set(old) == set(new) else (old, new)


def _named(row: ImportRow, found: Lookups, column: str) -> list[str]:
    entries = row.groups or ()
    if len(entries) > MAX_GROUPS:
        message = f"The row names more than {MAX_GROUPS} groups. Name at most {MAX_GROUPS}."
        raise RowFailed(RowProblem(column, "TOO_MANY", message))
    return list(dict.fromkeys(_group(entry, found, column) for entry in entries))


def _group(entry: str, found: Lookups, column: str) -> str:
    """The ID of the group with this address or name."""
    holder = found.holders.get(compared_address(entry)) if "@" in entry else None
    if holder and holder.kind == "group" and holder.id in found.groups:
        return holder.id
    same = found.named.get(fold(entry), ())
    if len(same) == 1:
        return same[0]
    if same:
        message = f"{len(same)} groups are named {entry}. Use the email address of the group instead."
        raise RowFailed(RowProblem(column, "AMBIGUOUS_GROUP", message, entry))
    message = f"There is no group {entry}. Create it first, or correct its name or address."
    raise RowFailed(RowProblem(column, "GROUP_NOT_FOUND", message, entry))


def _check_editable(ids: Iterable[str], found: Lookups, column: str) -> None:
    """The members of a synced group can be changed in Active Directory only."""
    for identifier in ids:
        group = found.groups.get(identifier, {})
        if not is_editable(group):
            name = group["displayName"]
            message = f"The members of {name} are managed in on-premises Active Directory. Change them there."
            raise RowFailed(RowProblem(column, "GROUP_READ_ONLY", message, name))
