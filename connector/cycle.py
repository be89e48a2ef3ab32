"""One cycle: reads what changed in Active Directory, and has it written, batch by batch.

A cycle that is killed at any point leaves whole batches behind and the old mark, so that the next one reads again
what was not committed and finds the rest unchanged. What is gone is decided upon before anything is written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from connector.contact_cycle import write_contacts
from connector.entry import domain_of
from connector.errors import SearchRefused
from connector.group_cycle import write_groups
from connector.plan import FullReason, Plan, plan
from connector.reader import Mark, Reader
from connector.session import open_session
from resolvers import sync
from resolvers.sync_known import Known, known_contacts, last_ended_well, last_mark
from resolvers.sync_outcome import Terms
from resolvers.sync_policy import Comparison, DeletionLimit, TooManyDeletions, compare
from resolvers.sync_run import Run
from settings import Settings
from storage.documents import Document

BATCH = 500

T = TypeVar("T")


async def run_cycle(run: Run, settings: Settings) -> None:
    """Do the cycle and close its record. Raises DirectoryError and `LeaseLost`, the record still open."""
    async with open_session(settings) as session:
        run.waited = lambda: session.ldap_seconds
        await run_with(run, settings, await Reader.open(session, settings))


async def run_with(run: Run, settings: Settings, reader: Reader) -> None:
    """Do the cycle with what this reader reads."""
    mark, last = await reader.mark(), await last_mark(run.directory)
    previous = Mark(last["invocationId"], last["usn"], last["server"]) if last else None
    chosen = Plan(None, FullReason.REQUESTED) if run.wanted.full else plan(previous, mark)
    cycle = Cycle(run, settings, reader, mark, chosen, await known_contacts(run.directory))
    try:
        await cycle.run()
    except TooManyDeletions as problem:
        await run.finish("STOPPED", (problem.code, str(problem)))
    else:
        await run.finish("SUCCEEDED", done=cycle.done())


@dataclass(frozen=True, slots=True)
class Cycle:
    """A cycle with all that it is decided from: what is here, how far it was read, how far the server is."""

    progress: Run
    settings: Settings
    reader: Reader
    mark: Mark
    plan: Plan
    known: Known

    async def run(self) -> None:
        """Bring contacts and groups up to date. Raises `TooManyDeletions` before anything is written."""
        run, reason = self.progress, self.plan.reason
        await run.enter("INVENTORY", server=self.mark.server, fullReason=reason and str(reason))
        found = await self._comparison()
        self._check_deletions(found.gone)
        terms = self._terms(found.gone)
        await run.enter("DELETIONS")
        for batch in batches(found.gone, BATCH):
            await run.add(await sync.remove(run.directory, batch, terms))
        run.unread.update(self.known.contacts.keys() - found.gone if self.plan.since is not None else ())
        await write_contacts(run, self.reader, terms, self.known, self.plan.since, found.to_read)
        everything = bool(self.plan.since is None or run.joined or not await last_ended_well(run.directory, run.id))
        await run.enter("GROUPS")
        await write_groups(run, self.reader, terms, None if everything else self.plan.since)

    def done(self) -> Document:
        """What is true once all is written: `{mark, domains, server}`."""
        return {
            "mark": {"invocationId": self.mark.invocation_id, "usn": self.mark.usn, "server": self.mark.server},
            "domains": sorted({domain_of(base) for base in self.reader.bases}),
            "server": self.settings.ad_name or self.mark.server,
        }

    def _terms(self, gone: Iterable[str]) -> Terms:
        terms = Terms(self.progress.lease, self.mark.invocation_id, self.settings.ad_soft_match)
        if not self.progress.wanted.dry_run:
            return terms
        return replace(terms, dry_run=True, leaving=frozenset(self.known.contacts[guid]["id"] for guid in gone))

    async def _comparison(self) -> Comparison:
        """What is gone, and what is to be read besides what changed since the mark."""
        if self.plan.since is None and not self.known.contacts:
            return Comparison([], [])
        inventory = [
            each
            async for page in self.reader.contact_inventory()
            for each in page
            if each.object_guid not in self.known.handed_over
        ]
        # In a full cycle all is read anyway: the inventory only tells what is gone.
        since = -1 if self.plan.since is None else self.plan.since
        found = compare(self.known.contacts, inventory, self.mark.invocation_id, since)
        return Comparison(await self._really_gone(found.gone), found.to_read)

    async def _really_gone(self, missing: Sequence[str]) -> Sequence[str]:
        """Those that are deleted or out of scope, and did not only move while the inventory was read."""
        if not missing:
            return []
        doubtful = set(missing) - await self._tombstones()
        there = {each.object_guid async for page in self.reader.contacts_by_guid(sorted(doubtful)) for each in page}
        return [guid for guid in missing if guid not in there]

    async def _tombstones(self) -> set[str]:
        """What was deleted since the mark, as far as the account may see it."""
        if self.plan.since is None:
            return set()
        try:
            return {each.object_guid async for page in self.reader.tombstones(self.plan.since) for each in page}
        except SearchRefused as refusal:
            self.progress.notes.append(str(refusal))
            return set()

    def _check_deletions(self, gone: Sequence[str]) -> None:
        limit = DeletionLimit(self.settings.ad_max_deletions, self.settings.ad_max_deletions_percent)
        try:
            limit.check(len(gone), len(self.known.contacts))
        except TooManyDeletions as problem:
            if self.progress.wanted.dry_run:
                self.progress.notes.append(str(problem))
            elif not self.progress.wanted.allow_deletions:
                raise


def batches(items: Iterable[T], size: int) -> Iterable[list[T]]:
    """The items in lists of this size, the last one shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
