"""Finds the contacts of directory objects: synced ones, deleted ones, and cloud contacts that match by address."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from resolvers.caller import Caller
from resolvers.recycle_bin import restoration
from resolvers.sync.outcome import WriteOptions
from storage import claims, contacts, groups, recycle_bin
from storage.changes import Change
from storage.documents import Document
from storage.driver import Session
from storage.keys import address_key
from storage.sync import objects as synced


@dataclass(frozen=True, slots=True)
class Matches:
    """By objectGUID: existing contacts, which include matching cloud contacts, and the restorations of deleted ones."""

    here: dict[str, Document]
    matched: frozenset[str] = frozenset()
    deleted: Mapping[str, tuple[Document, list[Change]]] = field(default_factory=dict)

    def old(self, guid: str) -> Document:
        """The current or deleted contact of this object; empty if it is new."""
        if guid in self.here:
            return self.here[guid]
        return self.deleted[guid][0] if guid in self.deleted else {}


async def find(caller: Caller, objects: Mapping[str, Document], options: WriteOptions, session: Session) -> Matches:
    """The contacts of these objects. `objects` maps objectGUIDs to fields.

    A deleted contact is restored if it is in the recycle bin. Only an object that was never synced can match a cloud
    contact.
    """
    db = caller.db
    ids = await claims.synced_ids(db, objects, session)
    found = await contacts.get_many(db, ids.values(), session)
    here = {guid: found[identifier] for guid, identifier in ids.items() if identifier in found}
    missing = [guid for guid in objects if guid not in here]
    entries = await recycle_bin.by_guids(db, missing, session) if missing else {}
    deleted = {guid: await _return(caller, entry, session) for guid, entry in entries.items()}
    if not options.soft_match:
        return Matches(here, deleted=deleted)
    matches = await _matches(caller, {guid: objects[guid] for guid in missing if guid not in deleted}, session)
    if options.dry_run:
        matches = {guid: each for guid, each in matches.items() if each["_id"] not in options.dry_run.synced}
    return Matches(here | matches, frozenset(matches), deleted)


async def holder_names(
    caller: Caller, ids: Collection[str], options: WriteOptions, session: Session | None = None
) -> dict[str, str]:
    """How messages name these contacts and groups, such as `the contact Ana García`, by ID. Omits missing ones."""
    found = {
        "contact": await contacts.get_many(caller.db, ids, session, ["displayName"]),
        "group": await groups.get_many(caller.db, ids, session),
    }
    names = {
        identifier: f"the {kind} {document['displayName']}"
        for kind, documents in found.items()
        for identifier, document in documents.items()
    }
    return names | options.dry_run.names(ids) if options.dry_run else names


async def _return(caller: Caller, entry: Document, session: Session) -> tuple[Document, list[Change]]:
    """The deleted contact as restored, and the changes that link the cloud contacts that reported to it again."""
    contact, *reports = await restoration(caller, entry, session)
    return contact.contact, reports


async def _matches(caller: Caller, new: Mapping[str, Document], session: Session) -> dict[str, Document]:
    """The cloud contacts with the primary address of a new object, by objectGUID. One contact matches one object."""
    guids: dict[str, str] = {}
    for guid, fields in new.items():
        guids.setdefault(address_key(fields["emailAddress"]), guid)
    holders = await claims.holders(caller.db, guids, session)
    found = await contacts.get_many(caller.db, [holder.id for holder in holders.values()], session)
    cloud = [contact for contact in found.values() if contact["source"] == "CLOUD"]
    kept = await _made_cloud_only(caller, cloud, session)
    return {
        guids[address]: contact
        for contact in cloud
        if (address := address_key(contact["emailAddress"])) in guids and contact["_id"] not in kept
    }


async def _made_cloud_only(caller: Caller, some: Iterable[Document], session: Session) -> set[str]:
    """The IDs of those of these contacts that were made cloud-only."""
    return await synced.cloud_only_ids(caller.db, [contact["_id"] for contact in some], session)
