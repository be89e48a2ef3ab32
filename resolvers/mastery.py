"""Who masters a contact or group: synced ones are read-only in the cloud.

Here are what may be edited, and the refusal of everything else. That a synced contact is written by the sync alone is
a condition of each write (`storage.writing`, `storage.groups`), so that no race and no other path gets past it.
"""

from collections.abc import Mapping
from datetime import datetime

from resolvers.caller import Caller
from resolvers.errors import ContactReadOnly, GroupReadOnly
from storage.documents import Document
from storage.sync import state

States = Mapping[str, Document]


def is_editable(document: Document) -> bool:
    """Whether the cloud may change this contact or group: unless it is synced from Active Directory."""
    return document.get("source") != "SYNCED"


async def contact_read_only(caller: Caller, contact: Document, manager: Document | None = None) -> ContactReadOnly:
    """The refusal to change this synced contact: who masters it, when it last synced and next will, where to edit it.

    With `manager`, the refusal to delete that contact, who manages this one.
    """
    where = await where_to_edit(caller, contact)
    if manager:
        where = f"Its manager is {manager['displayName']}, who can be deleted once it has another. {where}"
    return ContactReadOnly(contact, where)


async def group_read_only(caller: Caller, group: Document) -> GroupReadOnly:
    """The refusal to change this synced group or its members, in the same terms."""
    return GroupReadOnly(group, await where_to_edit(caller, group))


async def read(caller: Caller) -> States:
    """The state of each synchronised domain, keyed by domain."""
    return await state.read(caller.db)


def last_sync_at(on_premises: Document, states: States) -> datetime:
    """When the contact was last found to be as in Active Directory: the last complete cycle of its domain.

    Unless it is held back, because that cycle or an earlier one could not make it what it is there.
    """
    own: datetime = on_premises["lastSyncAt"]
    cycle: datetime | None = states.get(on_premises["domain"], {}).get("lastSyncAt")
    return max(own, cycle) if cycle and not on_premises.get("heldBack") else own


def next_sync_at(on_premises: Document, states: States) -> datetime | None:
    """When the next cycle of the contact's domain is due; None where no sync is configured."""
    following: datetime | None = states.get(on_premises["domain"], {}).get("nextSyncAt")
    return following


async def where_to_edit(caller: Caller, contact: Document) -> str:
    """A sentence that says who masters a synced contact, when it last synced, and when it will."""
    states = await read(caller)
    on_premises = contact["onPremises"]
    server = states.get(on_premises["domain"], {}).get("server") or on_premises["domain"]
    following = next_sync_at(on_premises, states)
    due = f", and will at {_utc(following)}" if following else ""
    return (
        f"Edit {on_premises['distinguishedName']} in Active Directory ({server}). "
        f"It last synced at {_utc(last_sync_at(on_premises, states))}{due}."
    )


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
