"""The only writer of synced contacts: turns what the connector reads from Active Directory into changes.

`storage.writing` enforces that with a condition on every write: only the sync's author can write a contact whose
source is SYNCED.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from resolvers import mastery
from resolvers.caller import Caller
from resolvers.commit import Decide, commit
from resolvers.errors import ManagerCycle, Problem
from resolvers.mastery import last_sync_at
from resolvers.recycle_bin import departure
from resolvers.sync.batch import Batch
from resolvers.sync.outcome import BatchOutcome, SkippedObject, WriteOptions, difference
from resolvers.sync.source import DirectoryContact
from storage import changes, claims, contacts
from storage.changes import Change
from storage.documents import Document
from storage.driver import Session
from storage.sync import objects

__all__ = ["BatchOutcome", "DirectoryContact", "WriteOptions", "apply", "hold_back", "link", "remove"]


async def apply(caller: Caller, batch: Sequence[DirectoryContact], options: WriteOptions | None = None) -> BatchOutcome:
    """Create, update or restore the contacts of a batch, in one transaction.

    Objects that are invalid or need a taken address are skipped and reported. Objects that were made cloud-only are
    ignored, and unchanged ones are not written. A batch that fails for any other reason is split in half until only
    the failing contact is skipped. Raises `LeaseLost`.
    """
    options = options or WriteOptions()

    async def attempt(cyclic: set[str]) -> BatchOutcome:
        run = Batch(caller, batch, options, cyclic)
        await _write(caller, options, run.decide, run.noted)
        return run.outcome

    try:
        return await _without_cycles(attempt)
    except Problem as problem:
        if len(batch) == 1:
            return BatchOutcome(skipped=[SkippedObject.because(batch[0], problem.code, problem.message)])
    half = len(batch) // 2
    first = await apply(caller, batch[:half], options)
    return first.merged(await apply(caller, batch[half:], options))


async def remove(caller: Caller, guids: Sequence[str], options: WriteOptions | None = None) -> BatchOutcome:
    """Move the contacts synced from these directory objects to the recycle bin, in one transaction."""
    options, outcome = options or WriteOptions(), BatchOutcome()

    async def decide(session: Session) -> Sequence[Change]:
        ids = await claims.synced_ids(caller.db, guids, session)
        found = await contacts.get_many(caller.db, ids.values(), session)
        going = [contact for contact in found.values() if contact["source"] == "SYNCED"]
        outcome.deleted = [contact["onPremises"]["objectGuid"] for contact in going]
        outcome.differences = [difference(changes.deleted(each), each["onPremises"]) for each in going]
        return await departure(caller, going, session)

    await _write(caller, options, decide)
    return outcome


async def link(caller: Caller, managers: Mapping[str, str], options: WriteOptions | None = None) -> BatchOutcome:
    """Set the missing managers of contacts, both given by objectGUID, in one transaction.

    Ignores unknown contacts and managers, and links that fail on their own.
    """
    options = options or WriteOptions()

    async def attempt(cyclic: set[str]) -> BatchOutcome:
        outcome = BatchOutcome()

        async def decide(session: Session) -> Sequence[Change]:
            guids = [*managers, *managers.values()]
            ids = await objects.ids(caller.db, guids, session)
            found = await contacts.get_many(caller.db, [ids[guid] for guid in managers if guid in ids], session)
            if dry_run := options.dry_run:
                ids = dry_run.contact_ids(guids, ids)
                found |= {each["_id"]: each for guid in managers if (each := dry_run.waiting.get(guid))}
            at, linked = caller.clock(), []
            for guid in managers.keys() - cyclic:
                contact, manager = found.get(ids.get(guid, "")), ids.get(managers[guid])
                if contact and contact["source"] == "SYNCED" and manager and "managerId" not in contact:
                    linked.append(changes.updated(contact, {**contact, "managerId": manager}, at))
            outcome.updated = [change.contact["onPremises"]["objectGuid"] for change in linked]
            if options.dry_run:
                outcome.differences = [difference(each, each.contact["onPremises"]) for each in linked]
            return linked

        await _write(caller, options, decide)
        return outcome

    try:
        return await _without_cycles(attempt)
    except Problem:
        if len(managers) == 1:
            return BatchOutcome()
    pairs, half = list(managers.items()), len(managers) // 2
    first = await link(caller, dict(pairs[:half]), options)
    return first.merged(await link(caller, dict(pairs[half:]), options))


async def hold_back(caller: Caller, known: Mapping[str, Document], guids: Iterable[str], options: WriteOptions) -> None:
    """Mark known contacts that differ from Active Directory, so that their last sync time stops advancing."""
    states = await mastery.read(caller)
    new = [known[guid] for guid in guids if guid in known and not known[guid].get("heldBack")]
    noted = {each["id"]: {"heldBack": True, "lastSyncAt": last_sync_at(each, states)} for each in new}

    async def decide(session: Session) -> Sequence[Change]:
        return []

    if noted:
        await _write(caller, options, decide, noted)


async def _without_cycles(attempt: Callable[[set[str]], Awaitable[BatchOutcome]]) -> BatchOutcome:
    """The outcome of an attempt, retried without the managers that would form a cycle."""
    cyclic: set[str] = set()
    while True:
        try:
            return await attempt(cyclic)
        except ManagerCycle as problem:
            found = {each["onPremises"]["objectGuid"] for each in problem.chain if "onPremises" in each}
            if found <= cyclic:
                raise
            cyclic |= found


async def _write(
    caller: Caller, options: WriteOptions, decide: Decide, noted: Mapping[str, Document] | None = None
) -> None:
    """Write what `decide` returns, under the lease. In a dry run, only decide."""
    if options.dry_run:
        decided = await caller.db.transaction(decide)
        options.dry_run.note([(change.before, change.after) for change in decided])
        return
    writing = False

    async def watched(session: Session) -> Sequence[Change]:
        nonlocal writing
        decided = await decide(session)
        writing = bool(decided or noted)
        return decided

    async def also_write(session: Session) -> None:
        if writing:
            await options.fence(session)
        if noted:
            await objects.note_seen(caller.db, noted, session)

    await commit(caller, watched, also_write)
