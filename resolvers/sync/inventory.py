"""What a run finds out before it writes anything: what is gone, and what to read in addition to the changes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from resolvers.sync.policy import Comparison, ReadPlan, compare
from resolvers.sync.progress import SyncRun
from resolvers.sync.source import DeletedObjectsHidden, DirectorySource, InventoryLine, Kind, Mark
from storage.documents import Document

FEW = 1_000  # up to this many objects, looking them up by objectGUID is faster than reading all


@dataclass(frozen=True, slots=True)
class Inventory:
    """Compares the objects in scope with the synced ones, for a run with this mark and read plan."""

    run: SyncRun
    source: DirectorySource
    mark: Mark
    plan: ReadPlan

    async def lines(self, kind: Kind) -> list[InventoryLine]:
        """All objects in scope."""
        return [each async for page in self.source.inventory(kind) for each in page]

    async def changes(self, kind: Kind) -> list[InventoryLine] | None:
        """All objects in scope for an incremental run, which always needs them; None for a full run."""
        return None if self.plan.since is None else await self.lines(kind)

    async def compare(
        self,
        kind: Kind,
        known: Mapping[str, Document],
        ignored: Collection[str] = (),
        lines: Sequence[InventoryLine] | None = None,
    ) -> Comparison:
        """What happened to the known contacts or groups. Pass `lines` if the inventory was read already.

        Objects that can no longer be synced count as gone, too.

        A database other than the last run's may lag behind. An object missing there counts as gone only if it has a
        tombstone there, or if it is still missing in the next run.
        """
        if self.plan.since is None and not known:
            return Comparison([], [])
        present = await self.lines(kind) if lines is None else lines
        lines = [each for each in present if each.object_guid not in ignored]
        # A full run reads everything anyway: it needs the inventory only to detect what is gone.
        since = -1 if self.plan.since is None else self.plan.since
        found = compare(known, lines, self.mark.invocation_id, since)
        unsuitable = await self._unsuitable(kind, known.keys(), lines, found.to_read)
        if not (found.gone or unsuitable):
            return found
        deleted = await self._deleted()
        if self.plan.familiar:
            gone = await self._still_missing(kind, found.gone, deleted)
            return Comparison([*gone, *unsuitable], found.to_read)
        waiting = {*found.gone, *unsuitable} - deleted
        self._note_waiting(kind, waiting)
        return Comparison([guid for guid in found.gone if guid in deleted], found.to_read, waiting)

    async def _unsuitable(
        self, kind: Kind, known: AbstractSet[str], lines: Iterable[InventoryLine], to_read: Collection[str]
    ) -> list[str]:
        """Known objects in scope that can no longer be synced, for example because they lost their address.

        Only checks changed objects and `to_read`: no other object can have become unsuitable.
        """
        since = -1 if self.plan.since is None else self.plan.since
        changed = {each.object_guid for each in lines if each.usn_changed > since}
        asked = sorted(known & (changed | set(to_read)))
        few = len(asked) <= FEW
        pages = self.source.suitability_by_guid(kind, asked) if few else self.source.suitability(kind)
        unsuitable = {each.object_guid async for page in pages for each in page if not each.suitable}
        return sorted(unsuitable.intersection(asked))

    async def _still_missing(self, kind: Kind, missing: Sequence[str], deleted: Collection[str]) -> list[str]:
        """The missing objects without those that only moved while the inventory was read."""
        doubtful = sorted(set(missing) - set(deleted))
        there = {each.object_guid async for page in self.source.suitability_by_guid(kind, doubtful) for each in page}
        return [guid for guid in missing if guid not in there]

    async def _deleted(self) -> set[str]:
        """The deleted objects that the account can see: since the mark, or all if the mark does not apply.

        Adds a note to the run if the account cannot list deleted objects.
        """
        if self.plan.since is None and self.plan.familiar:
            return set()
        try:
            tombstones = self.source.tombstones(self.plan.since or 0)
            return {each.object_guid async for page in tombstones for each in page}
        except DeletedObjectsHidden as refusal:
            if str(refusal) not in self.run.notes:
                self.run.notes.append(str(refusal))
            return set()

    def _note_waiting(self, kind: Kind, waiting: Collection[str]) -> None:
        if waiting:
            self.run.notes.append(
                f"{len(waiting):,} of the synced {kind}s could not be found on {self.mark.server}. The last run read "
                "another server, so this one may not have replicated them yet. They are deleted if the next run does "
                "not find them either."
            )
