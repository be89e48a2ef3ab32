"""Reads and writes the contacts of a run."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from resolvers.sync import contacts
from resolvers.sync.baseline import SyncedContacts
from resolvers.sync.outcome import BatchOutcome, SkippedObject, WriteOptions
from resolvers.sync.progress import SyncRun
from resolvers.sync.source import DirectoryContact, DirectorySource, UnsuitableObject

BATCH = 500


async def write_contacts(
    run: SyncRun,
    source: DirectorySource,
    options: WriteOptions,
    known: SyncedContacts,
    since: int | None,
    to_read: Sequence[str],
) -> None:
    """Write all contacts, or those changed after the USN `since` plus `to_read`; then link managers written later."""
    writer = _Writer(run, options)
    await run.enter("CONTACTS")
    await writer.write(source.contacts(since))
    if further := [guid for guid in to_read if guid not in writer.read]:
        await writer.write(source.contacts_by_guid(further))
    await writer.retry()
    await run.enter("MANAGERS")
    await _link(writer, source, known)


class _Writer:
    """Writes contacts as they are read. Contacts whose address is taken wait: a later batch may free it."""

    def __init__(self, run: SyncRun, options: WriteOptions) -> None:
        self.run, self.options = run, options
        self.read: set[str] = set()
        self.unmanaged: dict[str, str] = {}
        self._waiting: dict[str, DirectoryContact] = {}
        self._writing: asyncio.Task[list[SkippedObject]] | None = None

    async def write(self, pages: AsyncIterator[list[DirectoryContact | UnsuitableObject]]) -> None:
        """Write the pages in batches; each batch is written while the next one is read."""
        batch: list[DirectoryContact] = []
        try:
            async for page in pages:
                await self._note(page)
                batch += [each for each in page if isinstance(each, DirectoryContact)]
                if len(batch) >= BATCH:
                    await self._written()
                    self._writing, batch = asyncio.create_task(self._apply(batch)), []
                await self.run.progress(len(page))
            await self._written()
        finally:
            if self._writing:  # reading failed: let the current write finish
                await asyncio.wait([self._writing])
        if batch:
            await self._apply(batch)

    async def _written(self) -> None:
        """Wait until the previous batch is written."""
        if self._writing:
            await self._writing
            self._writing = None

    async def retry(self) -> None:
        """Retry the waiting contacts as long as any succeeds; report the rest as skipped."""
        while self._waiting:
            before, waiting = len(self._waiting), list(self._waiting.values())
            self._waiting = {}
            skipped: list[SkippedObject] = []
            for start in range(0, len(waiting), BATCH):
                skipped += await self._apply(waiting[start : start + BATCH])
            if len(self._waiting) == before:
                await self.run.skip(skipped)
                return

    async def link(self, managers: dict[str, str]) -> None:
        """Set the managers that these contacts were waiting for."""
        waiting = list(managers.items())
        for start in range(0, len(waiting), BATCH):
            outcome = await contacts.link(self.run.caller, dict(waiting[start : start + BATCH]), self.options)
            await self.run.add(outcome)

    async def _note(self, page: Sequence[DirectoryContact | UnsuitableObject]) -> None:
        self.read.update(each.object_guid for each in page if each.object_guid)
        unsuitable = [each for each in page if isinstance(each, UnsuitableObject)]
        await self.run.skip(
            [SkippedObject(each.object_guid, each.distinguished_name, each.reason, each.message) for each in unsuitable]
        )

    async def _apply(self, batch: Sequence[DirectoryContact]) -> list[SkippedObject]:
        """Write a batch. Returns the contacts whose address is taken, which are not reported yet."""
        outcome = await contacts.apply(self.run.caller, batch, self.options)
        taken = [each for each in outcome.skipped if each.code == "EMAIL_ADDRESS_TAKEN"]
        refused = {each.object_guid for each in taken}
        self._waiting |= {each.object_guid: each for each in batch if each.object_guid in refused}
        self.unmanaged |= outcome.unmanaged
        await self.run.add(_without(outcome, taken))
        return taken


def _without(outcome: BatchOutcome, taken: Sequence[SkippedObject]) -> BatchOutcome:
    outcome.skipped = [each for each in outcome.skipped if each not in taken]
    return outcome


async def _link(writer: _Writer, source: DirectorySource, known: SyncedContacts) -> None:
    """Link the contacts whose manager is stored by now. Contacts that this run has not read are read for that."""
    here = known.contacts.keys() | known.cloud_only | writer.run.joined
    await writer.link({guid: manager for guid, manager in writer.unmanaged.items() if manager in here})
    waiting = known.waiting()
    if unread := [guid for guid, manager in waiting.items() if manager in here and guid not in writer.read]:
        await writer.write(source.contacts_by_guid(unread))
