"""The part of a cycle that reads and writes distribution groups and their members."""

from collections.abc import AsyncIterator, Mapping

from connector.objects import Skipped as Unsuitable
from connector.reader import Reader
from resolvers import sync_groups
from resolvers.on_premises import DirectoryGroup
from resolvers.sync_known import known_groups
from resolvers.sync_outcome import Outcome, Skipped, Terms
from resolvers.sync_policy import compare
from resolvers.sync_run import Run
from storage.documents import Document


async def write_groups(run: Run, reader: Reader, terms: Terms, since: int | None) -> None:
    """Write all groups with their members, or those changed after the USN `since`, renamed or new in scope."""
    known = await known_groups(run.directory)
    if since is None:
        there = await _write(run, terms, reader.groups(), known)
    else:
        there = await _write_changes(run, reader, terms, since, known)
    if gone := [guid for guid in known if guid not in there]:
        moved = {each.object_guid async for page in reader.groups_by_guid(gone) for each in page}
        _count(run, await sync_groups.remove(run.directory, [guid for guid in gone if guid not in moved], terms))


async def _write_changes(run: Run, reader: Reader, terms: Terms, since: int, known: Mapping[str, Document]) -> set[str]:
    """Write what changed. Returns the objectGUIDs of all groups that are there."""
    inventory = [each async for page in reader.group_inventory() for each in page]
    read = await _write(run, terms, reader.groups(since), known)
    found = compare(known, inventory, terms.database, since)
    if further := [guid for guid in found.to_read if guid not in read]:
        await _write(run, terms, reader.groups_by_guid(further), known)
    return read | {each.object_guid for each in inventory}


async def _write(
    run: Run, terms: Terms, pages: AsyncIterator[list[DirectoryGroup | Unsuitable]], known: Mapping[str, Document]
) -> set[str]:
    """Write these groups. Returns their objectGUIDs."""
    read: set[str] = set()
    async for page in pages:
        for each in page:
            read.update([each.object_guid] if each.object_guid else [])
            if isinstance(each, Unsuitable):
                await run.skip([Skipped(each.object_guid, each.distinguished_name, each.reason, each.message)])
                continue
            await _write_one(run, terms, each, known.get(each.object_guid, {}))
        await run.progress()
    return read


async def _write_one(run: Run, terms: Terms, group: DirectoryGroup, noted: Document) -> None:
    """Write a group and its members; when all of it is as in Active Directory, note by which count."""
    outcome = await sync_groups.apply(run.directory, group, terms)
    await run.skip(outcome.skipped)
    _count(run, outcome)
    run.memberships_changed += await sync_groups.set_members(run.directory, group, terms)
    counted = (noted.get("database"), noted.get("usnChanged")) == (terms.database, group.usn_changed)
    if not (outcome.skipped or counted):
        await sync_groups.note(run.directory, group, terms)


def _count(run: Run, outcome: Outcome) -> None:
    run.groups_changed += len(outcome.created) + len(outcome.updated) + len(outcome.deleted)
