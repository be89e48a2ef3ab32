"""Reads and writes the distribution groups of a run, with their members."""

from collections.abc import AsyncIterator, Mapping, Sequence

from resolvers.sync import groups
from resolvers.sync.groups import set_members
from resolvers.sync.outcome import SkippedObject, WriteOptions
from resolvers.sync.progress import SyncRun
from resolvers.sync.source import DirectoryGroup, DirectorySource, UnsuitableObject
from storage.documents import Document


async def write_groups(
    run: SyncRun,
    source: DirectorySource,
    options: WriteOptions,
    known: Mapping[str, Document],
    since: int | None,
    to_read: Sequence[str],
) -> None:
    """Write all groups with their members, or those changed after the USN `since` plus `to_read`."""
    read = await _write(run, options, source.groups(since), known)
    if further := [guid for guid in to_read if guid not in read]:
        await _write(run, options, source.groups_by_guid(further), known)


async def _write(
    run: SyncRun,
    options: WriteOptions,
    pages: AsyncIterator[list[DirectoryGroup | UnsuitableObject]],
    known: Mapping[str, Document],
) -> set[str]:
    """Write these groups. Returns their objectGUIDs."""
    read: set[str] = set()
    async for page in pages:
        for each in page:
            read.update([each.object_guid] if each.object_guid else [])
            if isinstance(each, UnsuitableObject):
                await run.skip([SkippedObject(each.object_guid, each.distinguished_name, each.reason, each.message)])
                continue
            await _write_one(run, options, each, known.get(each.object_guid, {}))
        await run.progress()
    return read


async def _write_one(run: SyncRun, options: WriteOptions, group: DirectoryGroup, noted: Document) -> None:
    """Write a group and its members. If nothing was skipped, record the group's database and USN."""
    outcome = await groups.apply(run.caller, group, options)
    changed, differences = await set_members(run.caller, group, options)
    run.memberships_changed += changed
    outcome.differences += differences
    await run.add_groups(outcome)
    counted = (noted.get("database"), noted.get("usnChanged")) == (options.database, group.usn_changed)
    if not (outcome.skipped or counted):
        await groups.note(run.caller, group, options)
