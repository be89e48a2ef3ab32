"""What a cycle finds out before it writes anything: what is gone, and what is to be read besides the changes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from resolvers.sync.policy import Comparison, ReadPlan, compare
from resolvers.sync.progress import SyncRun
from resolvers.sync.source import DeletedObjectsHidden, DirectorySource, InventoryLine, Kind, Mark
from storage.documents import Document

FEW = 1_000  # objects that are quicker found by their objectGUIDs than by reading all


@dataclass(frozen=True, slots=True)
class Inventory:
    """Compares what is in scope with what is here, for a cycle that reads by this plan from this mark on."""

    run: SyncRun
    source: DirectorySource
    mark: Mark
    plan: ReadPlan

    async def lines(self, kind: Kind) -> list[InventoryLine]:
        """All that is in scope."""
        return [each async for page in self.source.inventory(kind) for each in page]

    async def changes(self, kind: Kind) -> list[InventoryLine] | None:
        """Likewise, in a cycle that reads only what changed and so needs it in any case."""
        return None if self.plan.since is None else await self.lines(kind)

    async def compare(
        self,
        kind: Kind,
        known: Mapping[str, Document],
        ignored: Collection[str] = (),
        lines: Sequence[InventoryLine] | None = None,
    ) -> Comparison:
        """What became of the known contacts or groups, given the `lines` of the inventory if they were read already.

        Gone is, too, what is no longer such as is synced.

        A database that is not the last cycle's may lag behind: what it misses is gone only if it shows that it was
        deleted, or if the next cycle misses it as well.
        """
        if self.plan.since is None and not known:
            return Comparison([], [])
        present = await self.lines(kind) if lines is None else lines
        lines = [each for each in present if each.object_guid not in ignored]
        # In a full cycle all is read anyway: the inventory only tells what is gone.
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
        """Those that are there, but lost their address, say: among those that changed, as nothing else can have."""
        since = -1 if self.plan.since is None else self.plan.since
        changed = {each.object_guid for each in lines if each.usn_changed > since}
        asked = sorted(known & (changed | set(to_read)))
        few = len(asked) <= FEW
        standings = self.source.suitability_by_guid(kind, asked) if few else self.source.suitability(kind)
        unsuitable = {each.object_guid async for page in standings for each in page if not each.suitable}
        return sorted(unsuitable.intersection(asked))

    async def _still_missing(self, kind: Kind, missing: Sequence[str], deleted: Collection[str]) -> list[str]:
        """Those that are deleted or out of scope, and did not only move while the inventory was read."""
        doubtful = sorted(set(missing) - set(deleted))
        there = {each.object_guid async for page in self.source.suitability_by_guid(kind, doubtful) for each in page}
        return [guid for guid in missing if guid not in there]

    async def _deleted(self) -> set[str]:
        """What was deleted, as far as the account may see it: since the mark, or ever if the mark says nothing."""
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
                f"Missing on {self.mark.server}: {len(waiting):,} synced {kind}s. It is not the server that the last "
                "cycle read, and may lag behind; what the next cycle misses as well is deleted."
            )
