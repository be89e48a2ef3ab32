"""Where a contact or group is managed: synced ones are read-only here.

This module knows what may be edited, and explains why anything else may not. That only the sync writes synced contacts
is a condition of each write (`storage.writing`, `storage.groups`), so that neither a race nor another code path can
circumvent it.
"""

from collections.abc import Mapping
from datetime import datetime

from resolvers.caller import Caller
from resolvers.errors import ContactReadOnly, GroupReadOnly
from storage.documents import Document
from storage.sync import state

States = Mapping[str, Document]


def is_editable(document: Document) -> bool:
    """Whether this contact or group may be changed here: it may unless it is synced from Active Directory."""
    return document.get("source") != "SYNCED"


async def contact_read_only(caller: Caller, contact: Document, manager: Document | None = None) -> ContactReadOnly:
    """The error for changing this synced contact: it says where to edit it, and when it last synced and will next.

    With `manager`, the error for deleting that contact, who is the manager of this one.
    """
    where = await where_to_edit(caller, contact)
    if manager:
        where = (
            f"Its manager is {manager['displayName']}. Give it another manager before deleting that contact. {where}"
        )
    return ContactReadOnly(contact, where)


async def group_read_only(caller: Caller, group: Document) -> GroupReadOnly:
    """The error for changing this synced group or its members."""
    return GroupReadOnly(group, await where_to_edit(caller, group))


async def read(caller: Caller) -> States:
    """The state of each synchronized domain, keyed by domain."""
    return await state.read(caller.db)


def last_sync_at(on_premises: Document, states: States) -> datetime:
    """When the contact last matched Active Directory: the last complete run of its domain.

    If the contact is held back, because a run could not apply its changes, that is the last run that could.
    """
    own: datetime = on_premises["lastSyncAt"]
    run: datetime | None = states.get(on_premises["domain"], {}).get("lastSyncAt")
    return max(own, run) if run and not on_premises.get("heldBack") else own


def next_sync_at(on_premises: Document, states: States) -> datetime | None:
    """When the next run of the contact's domain is due. None if no sync is configured."""
    following: datetime | None = states.get(on_premises["domain"], {}).get("nextSyncAt")
    return following


async def where_to_edit(caller: Caller, contact: Document) -> str:
    """Sentences that say where to edit a synced contact, when it last synced, and when it will next."""
    states = await read(caller)
    on_premises = contact["onPremises"]
    server = states.get(on_premises["domain"], {}).get("server") or on_premises["domain"]
    following = next_sync_at(on_premises, states)
    due = f", and will sync again at {_utc(following)}" if following else ""
    return (
        f"Edit {on_premises['distinguishedName']} in Active Directory ({server}). "
        f"It last synced at {_utc(last_sync_at(on_premises, states))}{due}."
    )


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
