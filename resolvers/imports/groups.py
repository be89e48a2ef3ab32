"""The groups that a row names, and how they differ from those that its contact is a member of."""

from collections.abc import Iterable, Sequence

from resolvers.files.rows import MAX_GROUPS, ImportRow, RowProblem, compared_address
from resolvers.imports.lookups import Lookups
from resolvers.imports.state import ImportRefused
from resolvers.mastery import is_editable
from storage.documents import Document
from storage.keys import fold


def joined(row: ImportRow, found: Lookups, column: str) -> list[str]:
    """The ids of the groups that a new contact joins. Raises `ImportRefused`."""
    ids = _named(row, found, column)
    _refuse_synced(ids, found, column)
    return ids


def changed(
    row: ImportRow, before: Document, found: Lookups, column: str
) -> tuple[Sequence[str], Sequence[str]] | None:
    """A contact's groups before and after, None if the row changes nothing about them. Raises `ImportRefused`."""
    if row.groups is None:
        return None
    old, new = before.get("groupIds", []), _named(row, found, column)
    _refuse_synced(set(old) ^ set(new), found, column)
    return None if set(old) == set(new) else (old, new)


def _named(row: ImportRow, found: Lookups, column: str) -> list[str]:
    entries = row.groups or ()
    if len(entries) > MAX_GROUPS:
        message = f"There are more than {MAX_GROUPS} groups; that many are the most."
        raise ImportRefused(RowProblem(column, "TOO_MANY", message))
    return list(dict.fromkeys(_group(entry, found, column) for entry in entries))


def _group(entry: str, found: Lookups, column: str) -> str:
    """The id of the group with this address or name."""
    holder = found.holders.get(compared_address(entry)) if "@" in entry else None
    if holder and holder.kind == "group" and holder.id in found.groups:
        return holder.id
    same = found.named.get(fold(entry), ())
    if len(same) == 1:
        return same[0]
    if same:
        message = f"{len(same)} groups are named {entry}; write the address of the one that you mean."
        raise ImportRefused(RowProblem(column, "AMBIGUOUS_GROUP", message, entry))
    message = f"There is no group {entry}. Create it first, or mend its name or address."
    raise ImportRefused(RowProblem(column, "GROUP_NOT_FOUND", message, entry))


def _refuse_synced(ids: Iterable[str], found: Lookups, column: str) -> None:
    """Who is a member of a synced group is decided in Active Directory."""
    for identifier in ids:
        group = found.groups.get(identifier, {})
        if not is_editable(group):
            name = group["displayName"]
            message = f"Who is a member of {name} is decided in Active Directory. Change it there."
            raise ImportRefused(RowProblem(column, "GROUP_READ_ONLY", message, name))
