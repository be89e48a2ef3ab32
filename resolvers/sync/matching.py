"""Finds what directory objects are here already: synced, deleted, or cloud contacts that shall become them."""

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
    """By objectGUID: the contacts here, cloud contacts that match included, and what brings deleted ones back."""

    here: dict[str, Document]
    matched: frozenset[str] = frozenset()
    deleted: Mapping[str, tuple[Document, list[Change]]] = field(default_factory=dict)

    def old(self, guid: str) -> Document:
        """The contact that this object is or was; empty if it is new."""
        if guid in self.here:
            return self.here[guid]
        return self.deleted[guid][0] if guid in self.deleted else {}


async def find(caller: Caller, objects: Mapping[str, Document], options: WriteOptions, session: Session) -> Matches:
    """What these objects are here, keyed by objectGUID, each given by its fields.

    What was deleted is itself again, if it is in the recycle bin; only what never was here may match a cloud contact.
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
    """What to call these contacts and groups in messages, as in `the contact Ana García`. Those that are gone are left
    out."""
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
    """The deleted contact as it would be restored, and the changes of the cloud contacts that reported to it."""
    contact, *reports = await restoration(caller, entry, session)
    return contact.contact, reports


async def _matches(caller: Caller, new: Mapping[str, Document], session: Session) -> dict[str, Document]:
    """The cloud contacts whose primary address is that of a new object, each for the first such object."""
    wanted: dict[str, str] = {}
    for guid, fields in new.items():
        wanted.setdefault(address_key(fields["emailAddress"]), guid)
    holders = await claims.holders(caller.db, wanted, session)
    found = await contacts.get_many(caller.db, [holder.id for holder in holders.values()], session)
    cloud = [contact for contact in found.values() if contact["source"] == "CLOUD"]
    kept = await _made_cloud_only(caller, cloud, session)
    return {
        wanted[address]: contact
        for contact in cloud
        if (address := address_key(contact["emailAddress"])) in wanted and contact["_id"] not in kept
    }


async def _made_cloud_only(caller: Caller, some: Iterable[Document], session: Session) -> set[str]:
    """Those that were taken over into the cloud, by their ids: for good."""
    return await synced.cloud_only_ids(caller.db, [contact["_id"] for contact in some], session)
