"""When the on-premises domains last synced and next will, as contacts show it."""

from collections.abc import Mapping
from datetime import datetime

from resolvers.caller import Directory
from storage.documents import Document
from storage.sync import state

States = Mapping[str, Document]


async def read(directory: Directory) -> States:
    """The state of each synchronised domain, keyed by domain."""
    return await state.read(directory.db)


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


async def where_to_edit(directory: Directory, contact: Document) -> str:
    """A sentence that says who masters a synced contact, when it last synced, and when it will."""
    states = await read(directory)
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
