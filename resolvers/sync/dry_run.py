"""What a dry run has decided so far, in place of what a run would have written by then."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from storage.documents import Document
from storage.keys import addresses

Pair = tuple[Document | None, Document | None]


@dataclass(slots=True)
class DryRun:
    """Who would hold which address, and which directory objects would be synced. Manager cycles are not detected.

    `synced`: the IDs of the contacts and groups that would have been written as synced. `waiting`: contacts without
    their manager yet, by objectGUID.
    """

    synced: set[str] = field(default_factory=set)
    waiting: dict[str, Document] = field(default_factory=dict)
    _holders: dict[str, str | None] = field(default_factory=dict)
    _contacts: dict[str, str] = field(default_factory=dict)
    _groups: dict[str, str] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)

    def note(self, pairs: Sequence[Pair]) -> None:
        """Treat these contacts or groups as written. Each pair is a document before and after a change."""
        for before, _ in pairs:
            self._holders |= dict.fromkeys(addresses(before) if before else ())
        for before, after in pairs:
            if after is None:
                self._gone.update([before["_id"]] if before else [])
                continue
            self._holders |= dict.fromkeys(addresses(after), after["_id"])
            self._names[after["_id"]] = f"the {'group' if 'memberCount' in after else 'contact'} {after['displayName']}"
            if after["source"] == "SYNCED":
                self.synced.add(after["_id"])
                self._note_object(after)

    def holders(self, requested: Iterable[str], found: Mapping[str, str]) -> dict[str, str]:
        """The IDs of the future holders of these addresses, given the current ones. Free addresses are omitted."""
        held = {address: holder for address, holder in found.items() if address not in self._holders}
        return held | {address: holder for address in requested if (holder := self._holders.get(address))}

    def contact_ids(self, guids: Iterable[str], found: Mapping[str, str]) -> dict[str, str]:
        """The IDs of the contacts that these objects would become, given the current ones, by objectGUID."""
        made = {guid: self._contacts[guid] for guid in guids if guid in self._contacts}
        return {guid: identifier for guid, identifier in {**found, **made}.items() if identifier not in self._gone}

    def group_id(self, guid: str) -> str | None:
        """The ID that this group would get, if it is new."""
        return self._groups.get(guid)

    def names(self, ids: Iterable[str]) -> dict[str, str]:
        """How messages name those of these contacts and groups that would have been written, by ID."""
        return {identifier: self._names[identifier] for identifier in ids if identifier in self._names}

    def still_here(self, ids: Iterable[str]) -> set[str]:
        """The IDs that would not have been deleted."""
        return set(ids) - self._gone

    def _note_object(self, after: Document) -> None:
        guid = after["onPremises"]["objectGuid"]
        if "memberCount" in after:
            self._groups[guid] = after["_id"]
            return
        self._contacts[guid] = after["_id"]
        if after["onPremises"].get("managerGuid") and "managerId" not in after:
            self.waiting[guid] = after
        else:
            self.waiting.pop(guid, None)
