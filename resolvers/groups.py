"""Distribution groups: create, update, delete and search them, and change their members."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from resolvers import audit_log, mastery, rules
from resolvers.access import requires
from resolvers.caller import Caller, Role
from resolvers.commit import refuse_taken
from resolvers.contacts import MAX_TEXT, bulk_ids
from resolvers.errors import Busy, InvalidRequest, NotFound, VersionConflict
from resolvers.idempotency import complete, idempotent, plain, recalling
from resolvers.rules import Fields
from storage import claims, contacts, groups
from storage.documents import Document, created_at, new_id
from storage.driver import Session
from storage.keys import search_terms
from storage.lists.pages import Page, Window

_ATTEMPTS = 20


@requires(Role.EDITOR, "CREATE_GROUP")
@idempotent
async def create_group(caller: Caller, fields: Fields) -> Document:
    """Create a group without members. Raises `InvalidInput`, `EmailAddressTaken`."""
    identifier = new_id()
    group = {
        "_id": identifier,
        "memberCount": 0,
        "version": 1,
        "createdAt": created_at(identifier),
        "updatedAt": caller.clock(),
        **rules.new_group(fields),
    }

    async def work(session: Session) -> Document:
        await audit_log.record(caller, [identifier], session)
        return await groups.insert(caller.db, group, session)

    return await _claiming(caller, work)


@requires(Role.EDITOR, "UPDATE_GROUP")
@idempotent
async def update_group(
    caller: Caller, identifier: str, fields: Fields, expected_version: int | None = None
) -> Document:
    """Change the given fields of a group.

    Raises `InvalidInput`, `NotFound`, `GroupReadOnly`, `VersionConflict`, `EmailAddressTaken`.
    """

    async def work(session: Session) -> Document:
        before = await _editable(caller, identifier, session)
        if expected_version is not None and before["version"] != expected_version:
            raise VersionConflict(before, expected_version)
        after = rules.changed_group(before, fields)
        if after == before:
            return before
        await audit_log.record(caller, [identifier], session)
        return _present(await groups.replace(caller.db, before, after, caller.clock(), session), identifier)

    return await _claiming(caller, work)


@requires(Role.EDITOR, "DELETE_GROUP")
@idempotent
async def delete_group(caller: Caller, identifier: str) -> None:
    """Delete a group, but not its members. Raises `NotFound`, `GroupReadOnly`."""

    async def work(session: Session) -> None:
        await _editable(caller, identifier, session)
        if not await groups.mark_deleted(caller.db, identifier, session):
            raise NotFound("distribution group", identifier)
        await audit_log.record(caller, [identifier], session)
        await complete(caller, None, session)

    await caller.db.transaction(work)
    await groups.finish_deletions(caller.db)


@dataclass(frozen=True, slots=True)
class Membership:
    """The outcome of adding or removing members: the group, how many contacts changed, and IDs without a contact."""

    group: Document
    changed: int
    unknown_ids: Sequence[str]


async def _recall_membership(caller: Caller, stored: Document) -> Membership:
    return Membership(**stored)


@requires(Role.EDITOR, "ADD_CONTACTS_TO_GROUP")
@recalling(_recall_membership)
async def add_contacts(caller: Caller, identifier: str, contact_ids: Sequence[str]) -> Membership:
    """Add contacts to a group. Those that already are members stay members.

    Raises `NotFound`, `GroupReadOnly`, `InvalidInput`.
    """
    return await _change_members(caller, identifier, contact_ids, groups.add_members)


@requires(Role.EDITOR, "REMOVE_CONTACTS_FROM_GROUP")
@recalling(_recall_membership)
async def remove_contacts(caller: Caller, identifier: str, contact_ids: Sequence[str]) -> Membership:
    """Remove contacts from a group. Those that aren't members are ignored.

    Raises `NotFound`, `GroupReadOnly`, `InvalidInput`.
    """
    return await _change_members(caller, identifier, contact_ids, groups.remove_members)


async def get_groups(caller: Caller, ids: Iterable[str]) -> Mapping[str, Document]:
    """The groups with these IDs, keyed by ID. Unknown IDs are left out."""
    return await groups.get_many(caller.db, ids)


async def group_by_address(caller: Caller, address: str) -> Document | None:
    """The group with this address, or None."""
    return await groups.by_address(caller.db, address.strip())


async def list_groups(
    caller: Caller, window: Window, search: str | None = None, ids: Sequence[str] | None = None
) -> Page:
    """One page of the groups that match a search, in display-name order, only these `ids` if given."""
    return await groups.page(caller.db, window, _terms(search), ids)


async def count_groups(caller: Caller, search: str | None = None, ids: Sequence[str] | None = None) -> int:
    """The number of groups on all pages of `list_groups`."""
    return await groups.count(caller.db, _terms(search), ids)


def _terms(search: str | None) -> list[str]:
    if search is not None and len(search) > MAX_TEXT:
        raise InvalidRequest(f"The search has more than {MAX_TEXT} characters. Shorten it.")
    return search_terms(search or "")


async def _change_members(
    caller: Caller, identifier: str, contact_ids: Sequence[str], change: groups.ChangeMembers
) -> Membership:
    ids = bulk_ids("contactIds", contact_ids)

    async def work(session: Session) -> Membership:
        await _editable(caller, identifier, session)
        changed = await change(caller.db, identifier, ids, session)
        group = _present(await groups.count_members(caller.db, identifier, changed, session), identifier)
        known = await contacts.get_many(caller.db, ids, session, ["_id"])
        if changed:
            await audit_log.record(caller, [identifier, *known], session)
        outcome = Membership(group, abs(changed), [each for each in ids if each not in known])
        await complete(caller, asdict(outcome) | {"group": plain(group)}, session)
        return outcome

    return await caller.db.transaction(work)


async def _claiming(caller: Caller, work: groups.Write) -> Document:
    """Run a write that may claim an address, and retry it if the holder has released the address meanwhile."""

    async def completing(session: Session) -> Document:
        group = await work(session)
        await complete(caller, plain(group), session)
        return group

    for _ in range(_ATTEMPTS):
        try:
            return await caller.db.transaction(completing)
        except claims.Taken as taken:
            await refuse_taken(caller, taken.value)
    raise Busy


async def _editable(caller: Caller, identifier: str, session: Session) -> Document:
    """The group. Raises `GroupReadOnly` if it is synced, because it is then changed in Active Directory only."""
    group = _present(await groups.get(caller.db, identifier, session), identifier)
    if not mastery.is_editable(group):
        raise await mastery.group_read_only(caller, group)
    return group


def _present(group: Document | None, identifier: str) -> Document:
    if group is None:
        raise NotFound("distribution group", identifier)
    return group
