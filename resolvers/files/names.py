"""How managers and groups are shown to people: managers by address, groups by name."""

from collections.abc import Collection
from dataclasses import dataclass, field

from resolvers.caller import Caller
from storage import contacts, groups
from storage.keys import fold


@dataclass(slots=True)
class Names:
    """The addresses of managers and the names of groups, by ID."""

    managers: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)


async def names(caller: Caller, managers: Collection[str], groups: Collection[str]) -> Names:
    """The names of these, with a fixed number of queries. Those that no longer exist are left out."""
    found = await contacts.get_many(caller.db, managers, None, ["emailAddress"]) if managers else {}
    return Names(
        {identifier: contact["emailAddress"] for identifier, contact in found.items()},
        await _group_names(caller, groups),
    )


async def _group_names(caller: Caller, ids: Collection[str]) -> dict[str, str]:
    """The name of each group, or its address if the name is ambiguous or cannot be written to a cell."""
    if not ids:
        return {}
    found = await groups.get_many(caller.db, ids)
    same = await groups.by_names(caller.db, {group["displayName"] for group in found.values()})
    return {
        identifier: group["displayName"]
        if _is_plain(group["displayName"]) and len(same[fold(group["displayName"])]) == 1
        else group["emailAddress"]
        for identifier, group in found.items()
    }


def _is_plain(name: str) -> bool:
    return bool(fold(name)) and not set(";@") & set(name)
