"""Groups and managers as people name them, for the filters of an export."""

from resolvers.caller import Caller
from resolvers.errors import InvalidRequest, NotFound
from storage import contacts, groups
from storage.keys import fold


async def group_id(caller: Caller, named: str) -> str:
    """The id of the group with this id, address or name. Raises `NotFound`, or `InvalidRequest` for several."""
    if await groups.get(caller.db, named):
        return named
    if "@" in named and (group := await groups.by_address(caller.db, named.strip())):
        return str(group["_id"])
    ids = (await groups.by_names(caller.db, [named]))[fold(named)] if fold(named) else []
    if len(ids) > 1:
        raise InvalidRequest(f"{len(ids)} groups are named {named}; give the address of the one that you mean.")
    if not ids:
        raise NotFound("group", named)
    return ids[0]


async def manager_id(caller: Caller, named: str) -> str:
    """The id of the contact with this id or address. Raises `NotFound`."""
    found = await contacts.get(caller.db, named) or await contacts.by_address(caller.db, named.strip())
    if found is None:
        raise NotFound("contact", named)
    return str(found["_id"])
