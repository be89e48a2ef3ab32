"""How managers and groups are called where they are shown to people: by address, and by name."""

from collections.abc import Collection
from dataclasses import dataclass, field

from resolvers.caller import Caller
from storage import contacts, groups
from storage.keys import fold


@dataclass(slots=True)
class Names:
    """The addresses of managers and the names of groups, by id."""

    managers: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)


async def names(caller: Caller, managers: Collection[str], groups: Collection[str]) -> Names:
    """What these are called, in a fixed number of queries; those that are gone are left out."""
    found = await contacts.get_many(caller.db, managers, None, ["emailAddress"]) if managers else {}
    return Names(
        {identifier: contact["emailAddress"] for identifier, contact in found.items()},
        await _group_names(caller, groups),
    )


async def _group_names(caller: Caller, ids: Collection[str]) -> dict[str, str]:
    """Each group by its name, or by its address where the name does not tell it from others in a cell."""
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
