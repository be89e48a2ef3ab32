"""Memberships of synced distribution groups: those of its members that are contacts here become its members here."""

from collections.abc import Sequence
from itertools import islice

from resolvers.caller import Directory
from resolvers.sync.objects import DirectoryGroup
from resolvers.sync.outcome import Terms, membership_difference
from storage import claims, contacts, groups
from storage.documents import Document
from storage.driver import Session
from storage.sync import lease, objects

_BATCH = 500


async def set_members(directory: Directory, group: DirectoryGroup, terms: Terms) -> tuple[int, list[Document]]:
    """Make exactly these members of the group its members. Returns how many changed, and in a dry run who."""
    ids = await claims.synced_ids(directory.db, [group.object_guid], kind="group")
    identifier = ids.get(group.object_guid) or (terms.preview and terms.preview.group_id(group.object_guid))
    if not identifier:  # it was skipped
        return 0, []
    guids = [member.object_guid for member in group.members]
    wanted = await objects.ids(directory.db, guids)
    present = await groups.member_ids(directory.db, identifier)
    if terms.preview:
        wanted, present = terms.preview.contact_ids(guids, wanted), terms.preview.still_here(present)
    joining, leaving = set(wanted.values()) - present, present - set(wanted.values())
    if terms.preview:
        told = await _difference(directory, group, identifier, wanted, present) if joining or leaving else []
        return len(joining) + len(leaving), told
    changed = 0
    for change, some in ((groups.add_members, joining), (groups.remove_members, leaving)):
        rest = iter(sorted(some))
        while batch := list(islice(rest, _BATCH)):
            changed += await _move(directory, identifier, batch, change, terms)
    return changed, []


async def _difference(
    directory: Directory, group: DirectoryGroup, identifier: str, wanted: dict[str, str], present: set[str]
) -> list[Document]:
    """Who would join and leave, by distinguished name."""
    joining = [
        member.dn
        for member in group.members
        if member.object_guid in wanted and wanted[member.object_guid] not in present
    ]
    found = await contacts.get_many(directory.db, present - set(wanted.values()), projection=["onPremises", "_id"])
    leaving = [each.get("onPremises", {}).get("distinguishedName", each["_id"]) for each in found.values()]
    return [membership_difference(group, identifier, sorted(leaving), sorted(joining))]


async def _move(
    directory: Directory, identifier: str, batch: Sequence[str], change: groups.ChangeMembers, terms: Terms
) -> int:
    async def work(session: Session) -> int:
        if terms.lease:
            await lease.fence(directory.db, terms.lease, session)
        step = await change(directory.db, identifier, batch, session)
        await groups.count_members(directory.db, identifier, step, session, "SYNCED")
        return abs(step)

    return await directory.db.transaction(work)
