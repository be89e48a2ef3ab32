"""Decides what a batch of directory objects changes here: compares them with what is stored, and skips conflicts."""

from collections.abc import Mapping, Sequence

from resolvers import rules
from resolvers.caller import Caller
from resolvers.errors import InvalidInput
from resolvers.sync.matching import Matches, find, holder_names
from resolvers.sync.outcome import BatchOutcome, SkippedObject, WriteOptions, address_taken, difference
from resolvers.sync.policy import conflicts
from resolvers.sync.source import DirectoryContact
from runtime.fairness import give_way
from storage import changes, claims
from storage.changes import Change
from storage.documents import Document, created_at, new_id
from storage.driver import Session
from storage.keys import addresses
from storage.sync import objects

REQUIRED = ("displayName", "emailAddress")  # Active Directory knows contacts without a first or last name.

Valid = Mapping[str, tuple[DirectoryContact, Document]]


class Batch:
    """One attempt at a batch. `noted`: bookkeeping to update on otherwise unchanged contacts, by contact ID."""

    def __init__(
        self, caller: Caller, batch: Sequence[DirectoryContact], options: WriteOptions, cyclic: set[str]
    ) -> None:
        self._caller = caller
        self._batch = {each.object_guid: each for each in batch}
        self._options = options
        self._cyclic = cyclic
        self._valid: Valid | None = None
        self._invalid: list[SkippedObject] = []
        self.outcome = BatchOutcome()
        self.noted: dict[str, Document] = {}

    async def decide(self, session: Session) -> Sequence[Change]:
        """The changes that bring contacts in line with their directory objects, except those skipped in `outcome`."""
        if self._valid is None:
            self._valid = await self._checked()
        self.outcome = BatchOutcome(skipped=list(self._invalid))
        self.noted.clear()
        kept = await objects.cloud_only(self._caller.db, self._valid, session)
        valid = {guid: found for guid, found in self._valid.items() if guid not in kept}
        fields = {guid: fields for guid, (_, fields) in valid.items()}
        present = await find(self._caller, fields, self._options, session)
        after = {guid: self._after(guid, found, present.old(guid)) for guid, found in valid.items()}
        possible = await self._without_conflicts(present.here, after, session)
        await self._set_managers(possible, after, session)
        made = [change for guid in possible if (change := self._change(present, after[guid]))]
        if self._options.dry_run:
            self.outcome.differences = [difference(change, change.contact["onPremises"]) for change in made]
        return [*made, *_reports(present, made)]

    async def _checked(self) -> Valid:
        """The valid objects by objectGUID, with their fields as stored."""
        found = {}
        for guid, each in self._batch.items():
            await give_way()
            try:
                fields = rules.new_contact(each.fields, self._caller.default_region, REQUIRED)
            except InvalidInput as problem:
                self._invalid.append(SkippedObject.because(each, "INVALID", problem.message))
            else:
                found[guid] = (each, fields)
        return found

    def _after(self, guid: str, found: tuple[DirectoryContact, Document], old: Document) -> Document:
        """The contact after the change, without its manager."""
        each, fields = found
        identifier = old.get("_id") or new_id()
        on_premises = {
            "objectGuid": guid,
            "distinguishedName": each.distinguished_name,
            "domain": each.domain,
            "lastSyncAt": self._caller.clock(),
            "whenChanged": each.when_changed,
            "database": self._options.database,
            "usnChanged": each.usn_changed,
            "managerGuid": each.manager_guid,
        }
        return {
            "_id": identifier,
            "source": "SYNCED",
            "createdAt": old.get("createdAt") or created_at(identifier),
            "gal": "VISIBLE",
            **fields,
            "onPremises": {name: value for name, value in on_premises.items() if value is not None},
            **{name: old[name] for name in ("groupIds", "version") if name in old},
        }

    async def _without_conflicts(
        self, before: Mapping[str, Document], after: Mapping[str, Document], session: Session
    ) -> list[str]:
        """The objects whose addresses are available. The others are skipped, with the holder of the address."""
        guids = list(after)
        batch = [Change(before.get(guid), after[guid], "UPDATED") for guid in guids]
        requested = [address for guid in guids for address in addresses(after[guid])]
        holders = await claims.holders(self._caller.db, requested, session)
        held = {address: holder.id for address, holder in holders.items()}
        if self._options.dry_run:
            held = self._options.dry_run.holders(requested, held)
        refused = conflicts(batch, held)
        names = {each["_id"]: f"the contact {each['displayName']}" for each in after.values()}
        names |= await holder_names(self._caller, {holder for _, holder in refused.values()}, self._options, session)
        for place, (address, holder) in refused.items():
            message = address_taken(address, names.get(holder, holder))
            each = self._batch[guids[place]]
            self.outcome.skipped.append(SkippedObject.because(each, "EMAIL_ADDRESS_TAKEN", message, holder))
        return [guid for place, guid in enumerate(guids) if place not in refused]

    async def _set_managers(self, possible: Sequence[str], after: Mapping[str, Document], session: Session) -> None:
        """Set the managers that are stored already or part of this batch."""
        managers = {guid: manager for guid in possible if (manager := after[guid]["onPremises"].get("managerGuid"))}
        known = await objects.ids(self._caller.db, list(managers.values()), session)
        if self._options.dry_run:
            known = self._options.dry_run.contact_ids(managers.values(), known)
        known |= {guid: after[guid]["_id"] for guid in possible}
        for guid, manager in managers.items():
            if manager not in known:
                self.outcome.unmanaged[guid] = manager
            elif guid not in self._cyclic:
                after[guid]["managerId"] = known[manager]

    def _change(self, present: Matches, after: Document) -> Change | None:
        """The change to `after`, or None if nothing changes."""
        guid, now = after["onPremises"]["objectGuid"], self._caller.clock()
        before = present.here.get(guid)
        if before is None or guid in present.matched:
            self.outcome.joined.append(guid)
        if before is None:
            self.outcome.created.append(guid)
            return changes.restored(after, now) if guid in present.deleted else changes.created(after, now)
        if changes.altered(before, after):
            self.outcome.updated.append(guid)
            return changes.updated(before, after, now)
        self.outcome.unchanged.append(guid)
        if noted := _noted(before["onPremises"], after["onPremises"]):
            self.noted[before["_id"]] = noted
        return None


def _reports(present: Matches, made: Sequence[Change]) -> list[Change]:
    """The changes that link cloud contacts to their restored managers again, except contacts that this batch writes."""
    written = {change.contact["_id"] for change in made}
    returning = [change.contact["onPremises"]["objectGuid"] for change in made if change.action == "RESTORED"]
    return [report for guid in returning for report in present.deleted[guid][1] if report.contact["_id"] not in written]


def _noted(before: Document, after: Document) -> Document:
    """The bookkeeping to update on an unchanged contact: its database, its USN there, and its manager's objectGUID.

    A failover therefore writes once per contact; a run against the same database writes nothing.
    """
    names = ("database", "usnChanged", "whenChanged", "managerGuid")
    noted = {name: after.get(name) for name in names if before.get(name) != after.get(name)}
    return noted | ({"heldBack": False, "lastSyncAt": after["lastSyncAt"]} if before.get("heldBack") else {})
