"""Synced distribution groups: what Active Directory says of groups and their members becomes so here."""

from collections.abc import Sequence

from resolvers import rules
from resolvers.caller import Directory
from resolvers.errors import InvalidInput
from resolvers.sync.objects import DirectoryGroup
from resolvers.sync.outcome import Outcome, Skipped, Terms, group_difference
from storage import claims, groups
from storage.documents import Document, created_at, new_id
from storage.driver import Session
from storage.keys import addresses
from storage.sync import lease, objects

_NOTED = ("database", "usnChanged")


async def apply(directory: Directory, group: DirectoryGroup, terms: Terms) -> Outcome:
    """Create or update a group, its members aside. Raises `sync_lease.LeaseLost`."""
    outcome = Outcome()
    try:
        fields = rules.new_group(group.fields)
    except InvalidInput as problem:
        outcome.skipped.append(Skipped.because(group, "INVALID", problem.message))
        return outcome

    async def work(session: Session) -> None:
        nonlocal outcome
        outcome = Outcome()
        ids = await claims.synced_ids(directory.db, [group.object_guid], session, "group")
        before = await groups.get(directory.db, ids.get(group.object_guid, ""), session)
        await _write(directory, group, fields, before, terms, outcome, session)

    try:
        await directory.db.transaction(work)
    except claims.Taken as taken:
        holder = (await _holders(directory, taken.value, terms)).get(taken.value)
        message = f"{taken.value} belongs to {holder}. Change the address in one of the two places."
        outcome = Outcome(skipped=[Skipped.because(group, "EMAIL_ADDRESS_TAKEN", message, holder)])
    return outcome


async def note(directory: Directory, group: DirectoryGroup, terms: Terms) -> None:
    """Note how the directory counts a group that is here as it is there, members included."""
    noted = {"database": terms.database, "usnChanged": group.usn_changed}
    ids = await claims.synced_ids(directory.db, [group.object_guid], kind="group")

    async def work(session: Session) -> None:
        await _fence(directory, terms, session)
        await objects.note_group(directory.db, ids[group.object_guid], noted, session)

    if ids and not terms.preview:
        await directory.db.transaction(work)


async def remove(directory: Directory, guids: Sequence[str], terms: Terms) -> Outcome:
    """Delete the groups synced from these directory objects; their members stay contacts."""
    ids = await claims.synced_ids(directory.db, guids, kind="group")

    async def work(session: Session) -> None:
        await _fence(directory, terms, session)
        for identifier in ids.values():
            await groups.mark_deleted(directory.db, identifier, session, "SYNCED")

    if terms.preview:
        going = (await groups.get_many(directory.db, ids.values())).values()
        terms.preview.note([(each, None) for each in going])
        return Outcome(deleted=list(ids), differences=[group_difference(each, None) for each in going])
    if ids:
        await directory.db.transaction(work)
        await groups.finish_deletions(directory.db)
    return Outcome(deleted=list(ids))


async def _write(
    directory: Directory,
    group: DirectoryGroup,
    fields: Document,
    before: Document | None,
    terms: Terms,
    outcome: Outcome,
    session: Session,
) -> None:
    """Write the group if it differs from what is here, and note in the outcome what it was."""
    after = _after(directory, group, fields, before)
    if before is not None and _shown(before) == _shown(after):
        outcome.unchanged.append(group.object_guid)
        return
    (outcome.created if before is None else outcome.updated).append(group.object_guid)
    if terms.preview:
        await _preview(directory, before, after, terms)
        outcome.differences.append(group_difference(before, after))
        return
    await _fence(directory, terms, session)
    if before is None:
        await groups.insert(directory.db, after, session)
    else:
        await groups.replace(directory.db, before, after, directory.clock(), session, "SYNCED")


async def _preview(directory: Directory, before: Document | None, after: Document, terms: Terms) -> None:
    """Take the group for written, if it could be. Raises `claims.Taken`."""
    (address,) = addresses(after)
    holder = (await _holders(directory, address, terms)).get(address)
    if holder not in (None, after["_id"]):
        raise claims.Taken(address)
    if terms.preview:
        terms.preview.note([(before, after)])


async def _holders(directory: Directory, address: str, terms: Terms) -> dict[str, str]:
    """Who has the address, in a dry run by then."""
    found = {each: holder.id for each, holder in (await claims.holders(directory.db, [address])).items()}
    return terms.preview.holders([address], found) if terms.preview else found


def _after(directory: Directory, group: DirectoryGroup, fields: Document, before: Document | None) -> Document:
    """The group as it shall be, its members aside."""
    at, identifier = directory.clock(), before["_id"] if before else new_id()
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
            # What was noted stays until the members are here as well.
            **{name: value for name, value in kept.get("onPremises", {}).items() if name in _NOTED},
        },
    }


def _shown(group: Document) -> Document:
    """What differs when the group changed in Active Directory."""
    on_premises = {name: value for name, value in group["onPremises"].items() if name not in ("lastSyncAt", *_NOTED)}
    return {"onPremises": on_premises, **{name: group.get(name) for name in rules.GROUP_FIELDS}}


async def _fence(directory: Directory, terms: Terms, session: Session) -> None:
    if terms.lease:
        await lease.fence(directory.db, terms.lease, session)
