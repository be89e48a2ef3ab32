"""One run of the sync: reads what changed in Active Directory and writes it, batch by batch.

A run that is killed at any point leaves complete batches and the old mark. The next run therefore reads again what
was not committed and finds the rest unchanged. Deletions are decided before anything is written.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from resolvers.sync import contacts
from resolvers.sync import groups as sync_groups
from resolvers.sync.baseline import SyncedContacts, known_contacts, known_groups, last_ended_well, last_mark
from resolvers.sync.contact_writer import write_contacts
from resolvers.sync.dry_run import DryRun
from resolvers.sync.group_writer import write_groups
from resolvers.sync.inventory import Inventory
from resolvers.sync.outcome import WriteOptions
from resolvers.sync.policy import Comparison, DeletionLimit, ReadPlan, TooManyDeletions, plan
from resolvers.sync.progress import SyncRun
from resolvers.sync.source import DirectorySource, InventoryLine, Kind, Mark
from settings import Settings
from storage.documents import Document

BATCH = 500

T = TypeVar("T")


async def run_sync(run: SyncRun, settings: Settings, source: DirectorySource) -> None:
    """Execute this run and close its record. Raises `LeaseLost` and the source's errors, with the record still open."""
    mark, last = await source.mark(), await last_mark(run.caller)
    previous = Mark(last["invocationId"], last["usn"], last["server"]) if last else None
    chosen = plan(previous, mark, full=run.request.full)
    await run.enter("INVENTORY", server=mark.server, fullReason=chosen.reason and str(chosen.reason))
    inventory = Inventory(run, source, mark, chosen)
    # Two long lists from two servers: read them at the same time.
    known, lines = await asyncio.gather(known_contacts(run.caller), inventory.changes("contact"))
    steps = RunSteps(run, settings, source, mark, chosen, known, await known_groups(run.caller))
    try:
        await steps.take(inventory, lines)
    except TooManyDeletions as problem:
        await run.finish("STOPPED", (problem.code, str(problem)))
    else:
        await run.finish("SUCCEEDED", done=steps.done())


@dataclass(frozen=True, slots=True)
class RunSteps:
    """The steps of a run, and what they depend on: the synced objects, the read plan and the server's mark."""

    run: SyncRun
    settings: Settings
    source: DirectorySource
    mark: Mark
    plan: ReadPlan
    known: SyncedContacts
    groups: Mapping[str, Document]

    async def take(self, inventory: Inventory, lines: Sequence[InventoryLine] | None) -> None:
        """Bring contacts and groups up to date. Pass `lines` if the inventory of contacts was read already.

        Raises `TooManyDeletions` before anything is written.
        """
        found = await inventory.compare("contact", self.known.contacts, self.known.cloud_only, lines)
        groups = await inventory.compare("group", self.groups)
        self._check_deletions("contact", len(found.gone), len(self.known.contacts))
        self._check_deletions("group", len(groups.gone), len(self.groups))
        options = self._options()
        await self._delete(found.gone, groups.gone, options)
        await self._write(found, groups, options)

    async def _write(self, found: Comparison, groups: Comparison, options: WriteOptions) -> None:
        """Write contacts first, then groups, so that the members exist."""
        run, since = self.run, self.plan.since
        run.unread.update(self.known.contacts.keys() - found.gone if since is not None else ())
        await write_contacts(run, self.source, options, self.known, since, found.to_read)
        outdated = {*run.skipped, *found.waiting}.difference(found.gone)
        await contacts.hold_back(run.caller, self.known.contacts, outdated, options)
        await run.enter("GROUPS")
        everything = run.joined or not await last_ended_well(run.caller, run.id)
        await write_groups(run, self.source, options, self.groups, None if everything else since, groups.to_read)

    async def _delete(self, gone: Sequence[str], groups: Sequence[str], options: WriteOptions) -> None:
        """Delete what is gone first, to free its addresses."""
        run = self.run
        await run.enter("DELETIONS")
        for batch in batches(gone, BATCH):
            await run.add(await contacts.remove(run.caller, batch, options))
        for batch in batches(groups, BATCH):
            await run.add_groups(await sync_groups.remove(run.caller, batch, options))

    def done(self) -> Document:
        """What to save when everything is written: `{mark, domains, server}`."""
        return {
            "mark": {"invocationId": self.mark.invocation_id, "usn": self.mark.usn, "server": self.mark.server},
            "domains": list(self.source.domains),
            "server": self.settings.ad_name or self.mark.server,
        }

    def _options(self) -> WriteOptions:
        dry_run = DryRun() if self.run.request.dry_run else None
        return WriteOptions(self.run.lease, self.mark.invocation_id, self.settings.ad_soft_match, dry_run)

    def _check_deletions(self, kind: Kind, gone: int, known: int) -> None:
        limit = DeletionLimit(self.settings.ad_max_deletions, self.settings.ad_max_deletions_percent)
        try:
            limit.check(gone, known, kind)
        except TooManyDeletions as problem:
            if self.run.request.dry_run:
                self.run.notes.append(str(problem))
            elif not self.run.request.allow_deletions:
                raise


def batches(items: Iterable[T], size: int) -> Iterable[list[T]]:
    """The items in lists of this size, the last one shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
