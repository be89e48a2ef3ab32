"""Groups and managers given by name or address, for the filters of an export."""

from resolvers.caller import Caller
from resolvers.errors import InvalidRequest, NotFound
from storage import contacts, groups
from storage.keys import fold


async def group_id(caller: Caller, named: str) -> str:
    """The ID of the group with this ID, address or name. Raises `NotFound`, `InvalidRequest` if there are several."""
    if await groups.get(caller.db, named):
        return named
    if "@" in named and (group := await groups.by_address(caller.db, named.strip())):
        return str(group["_id"])
    ids = (await groups.by_names(caller.db, [named]))[fold(named)] if fold(named) else []
    if len(ids) > 1:
        raise InvalidRequest(f"{len(ids)} groups are named {named}. Use the group's email address instead.")
    if not ids:
        raise NotFound("group", named)
    return ids[0]


async def manager_id(caller: Caller, named: str) -> str:
    """The ID of the contact with this ID or address. Raises `NotFound`."""
    found = await contacts.get(caller.db, named) or await contacts.by_address(caller.db, named.strip())
    if found is None:
        raise NotFound("contact", named)
    return str(found["_id"])
