"""Writes synced distribution groups and their members as they are in Active Directory."""

from collections.abc import Sequence
from itertools import islice

from resolvers import rules
from resolvers.caller import Caller
from resolvers.errors import InvalidInput
from resolvers.sync.matching import holder_names
from resolvers.sync.outcome import (
    BatchOutcome,
    SkippedObject,
    WriteOptions,
    address_taken,
    group_difference,
    membership_difference,
)
from resolvers.sync.source import DirectoryGroup
from storage import claims, contacts, groups
from storage.documents import Document, created_at, new_id
from storage.driver import Session
from storage.keys import addresses
from storage.sync import objects

_BATCH = 500
_NOTED = ("database", "usnChanged")


async def apply(caller: Caller, group: DirectoryGroup, options: WriteOptions) -> BatchOutcome:
    """Create or update a group, without its members. Raises `LeaseLost`."""
    outcome = BatchOutcome()
    try:
        fields = rules.new_group(group.fields)
    except InvalidInput as problem:
        outcome.skipped.append(SkippedObject.because(group, "INVALID", problem.message))
        return outcome

    async def work(session: Session) -> None:
        nonlocal outcome
        outcome = BatchOutcome()
        ids = await claims.synced_ids(caller.db, [group.object_guid], session, "group")
        before = await groups.get(caller.db, ids.get(group.object_guid, ""), session)
        await _write(caller, group, fields, before, options, outcome, session)

    try:
        await caller.db.transaction(work)
    except claims.Taken as taken:
        holder = (await _holders(caller, taken.value, options)).get(taken.value)
        names = await holder_names(caller, [holder] if holder else [], options)
        message = address_taken(taken.value, names.get(holder or "", "another contact or group"))
        outcome = BatchOutcome(skipped=[SkippedObject.because(group, "EMAIL_ADDRESS_TAKEN", message, holder)])
    return outcome


async def note(caller: Caller, group: DirectoryGroup, options: WriteOptions) -> None:
    """Record the database and USN of a group that is up to date, members included."""
    noted = {"database": options.database, "usnChanged": group.usn_changed}
    ids = await claims.synced_ids(caller.db, [group.object_guid], kind="group")

    async def work(session: Session) -> None:
        await options.fence(session)
        await objects.note_group(caller.db, ids[group.object_guid], noted, session)

    if ids and not options.dry_run:
        await caller.db.transaction(work)


async def remove(caller: Caller, guids: Sequence[str], options: WriteOptions) -> BatchOutcome:
    """Delete the groups synced from these directory objects. Their members remain as contacts."""
    ids = await claims.synced_ids(caller.db, guids, kind="group")

    async def work(session: Session) -> None:
        await options.fence(session)
        for identifier in ids.values():
            await groups.mark_deleted(caller.db, identifier, session, "SYNCED")

    if options.dry_run:
        going = (await groups.get_many(caller.db, ids.values())).values()
        options.dry_run.note([(each, None) for each in going])
        return BatchOutcome(deleted=list(ids), differences=[group_difference(each, None) for each in going])
    if ids:
        await caller.db.transaction(work)
        await groups.finish_deletions(caller.db)
    return BatchOutcome(deleted=list(ids))


async def _write(
    caller: Caller,
    group: DirectoryGroup,
    fields: Document,
    before: Document | None,
    options: WriteOptions,
    outcome: BatchOutcome,
    session: Session,
) -> None:
    """Write the group if it differs from the stored one, and record which it was in `outcome`."""
    after = _after(caller, group, fields, before)
    if before is not None and _shown(before) == _shown(after):
        outcome.unchanged.append(group.object_guid)
        return
    (outcome.created if before is None else outcome.updated).append(group.object_guid)
    if options.dry_run:
        await _note_dry_run(caller, before, after, options)
        outcome.differences.append(group_difference(before, after))
        return
    await options.fence(session)
    if before is None:
        await groups.insert(caller.db, after, session)
    else:
        await groups.replace(caller.db, before, after, caller.clock(), session, "SYNCED")


async def _note_dry_run(caller: Caller, before: Document | None, after: Document, options: WriteOptions) -> None:
    """Treat the group as written in a dry run. Raises `claims.Taken`."""
    (address,) = addresses(after)
    holder = (await _holders(caller, address, options)).get(address)
    if holder not in (None, after["_id"]):
        raise claims.Taken(address)
    if options.dry_run:
        options.dry_run.note([(before, after)])


async def _holders(caller: Caller, address: str, options: WriteOptions) -> dict[str, str]:
    """The ID of the holder of the address, if any. In a dry run, the holder at this point of the run."""
    found = {each: holder.id for each, holder in (await claims.holders(caller.db, [address])).items()}
    return options.dry_run.holders([address], found) if options.dry_run else found


def _after(caller: Caller, group: DirectoryGroup, fields: Document, before: Document | None) -> Document:
    """The group after the change, without its members."""
    at, identifier = caller.clock(), before["_id"] if before else new_id()
    kept = before or {
        "_id": identifier,
        "memberCount": 0,
        "version": 1,
        "createdAt": created_at(identifier),
        "updatedAt": at,
    }
    return {
        **{name: value for name, value in kept.items() if name not in rules.GROUP_FIELDS},
        **fields,
        "source": "SYNCED",
        "onPremises": {
            "objectGuid": group.object_guid,
            "distinguishedName": group.distinguished_name,
            "domain": group.domain,
            "lastSyncAt": at,
            # Keep the recorded database and USN until the members are written, too.
            **{name: value for name, value in kept.get("onPremises", {}).items() if name in _NOTED},
        },
    }


def _shown(group: Document) -> Document:
    """The parts of a group that a change in Active Directory affects."""
    on_premises = {name: value for name, value in group["onPremises"].items() if name not in ("lastSyncAt", *_NOTED)}
    return {"onPremises": on_premises, **{name: group.get(name) for name in rules.GROUP_FIELDS}}


async def set_members(caller: Caller, group: DirectoryGroup, options: WriteOptions) -> tuple[int, list[Document]]:
    """Set the members of the group to exactly these. Returns how many changed and, in a dry run, the difference."""
    ids = await claims.synced_ids(caller.db, [group.object_guid], kind="group")
    identifier = ids.get(group.object_guid) or (options.dry_run and options.dry_run.group_id(group.object_guid))
    if not identifier:  # it was skipped
        return 0, []
    guids = [member.object_guid for member in group.members]
    members = await objects.ids(caller.db, guids)
    present = await groups.member_ids(caller.db, identifier)
    if options.dry_run:
        members, present = options.dry_run.contact_ids(guids, members), options.dry_run.still_here(present)
    joining, leaving = set(members.values()) - present, present - set(members.values())
    if options.dry_run:
        differences = await _difference(caller, group, identifier, members, present) if joining or leaving else []
        return len(joining) + len(leaving), differences
    changed = 0
    for change, some in ((groups.add_members, joining), (groups.remove_members, leaving)):
        rest = iter(sorted(some))
        while batch := list(islice(rest, _BATCH)):
            changed += await _move(caller, identifier, batch, change, options)
    return changed, []


async def _difference(
    caller: Caller, group: DirectoryGroup, identifier: str, members: dict[str, str], present: set[str]
) -> list[Document]:
    """The members that would join and leave, by distinguished name."""
    joining = [
        member.dn
        for member in group.members
        if member.object_guid in members and members[member.object_guid] not in present
    ]
    found = await contacts.get_many(caller.db, present - set(members.values()), projection=["onPremises", "_id"])
    leaving = [each.get("onPremises", {}).get("distinguishedName", each["_id"]) for each in found.values()]
    return [membership_difference(group, identifier, sorted(leaving), sorted(joining))]


async def _move(
    caller: Caller, identifier: str, batch: Sequence[str], change: groups.ChangeMembers, options: WriteOptions
) -> int:
    async def work(session: Session) -> int:
        await options.fence(session)
        step = await change(caller.db, identifier, batch, session)
        await groups.count_members(caller.db, identifier, step, session, "SYNCED")
        return abs(step)

    return await caller.db.transaction(work)
