"""Contacts: create, update, delete, restore and read them."""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from resolvers import bulk, mastery, rules
from resolvers.access import requires
from resolvers.caller import Caller, Role
from resolvers.commit import commit
from resolvers.errors import FieldProblem, InvalidInput, InvalidRequest, NotFound, Problem
from resolvers.idempotency import completing, idempotent, plain, recalling
from resolvers.paging import MAX_SIZE
from resolvers.recycle_bin import deletion, expect_version, restoration
from resolvers.rules import Fields
from storage import changes, contacts, history, recycle_bin
from storage.changes import Change
from storage.documents import Document, created_at, new_id
from storage.driver import Session
from storage.lists.pages import Ordering, Page, Window
from storage.lists.selection import Selection

MAX_BULK = 1_000
# The maximum length of a search or text filter, in characters.
MAX_TEXT = 256
# The orderings of contacts: the name of the field to sort by, and the stored key.
ORDERINGS = {
    "displayName": "keys.name",
    "emailAddress": "keys.emailAddress",
    "company": "keys.company",
    "createdAt": "_id",
    "updatedAt": "keys.updated",
}


@requires(Role.EDITOR, "CREATE_CONTACT")
@idempotent
async def create_contact(caller: Caller, fields: Fields) -> Document:
    """Create a cloud-only contact. Raises `InvalidInput`, `EmailAddressTaken`, `NotFound` (the manager)."""
    identifier = new_id()
    contact = {
        "_id": identifier,
        "source": "CLOUD",
        "gal": "VISIBLE",
        "createdAt": created_at(identifier),
        **rules.new_contact(fields, caller.default_region),
    }
    change = changes.created(contact, caller.clock())

    async def decide(session: Session) -> Sequence[Change]:
        return [change]

    await commit(caller, decide, completing(caller, lambda: change.contact))
    return change.contact


@requires(Role.EDITOR, "UPDATE_CONTACT")
@idempotent
async def update_contact(
    caller: Caller, identifier: str, fields: Fields, expected_version: int | None = None
) -> Document:
    """Change the given fields of a cloud-only contact. If nothing changes, nothing is written.

    Raises `InvalidInput`, `NotFound`, `ContactReadOnly`, `VersionConflict`, `EmailAddressTaken`, `ManagerCycle`.
    """
    current: Document = {}

    async def decide(session: Session) -> Sequence[Change]:
        nonlocal current
        current = await _present(caller, identifier, session)
        if not (caller.author.is_sync or mastery.is_editable(current)):
            raise await mastery.contact_read_only(caller, current)
        expect_version(current, expected_version)
        after = rules.changed_contact(current, fields, caller.default_region)
        if not changes.altered(current, after):
            return []
        change = changes.updated(current, after, caller.clock())
        current = change.contact
        return [change]

    await commit(caller, decide, completing(caller, lambda: plain(current)))
    return current


@requires(Role.EDITOR, "DELETE_CONTACT")
@idempotent
async def delete_contact(caller: Caller, identifier: str, expected_version: int | None = None) -> None:
    """Move a cloud-only contact to the recycle bin. Raises `NotFound`, `ContactReadOnly`, `VersionConflict`."""

    async def decide(session: Session) -> Sequence[Change]:
        going, problems = await deletion(caller, [identifier], {identifier: expected_version}, session)
        for problem in problems.values():
            raise problem
        return going

    await commit(caller, decide, completing(caller, lambda: None))


@dataclass(frozen=True, slots=True)
class Deletion:
    """The outcome of a bulk deletion: the IDs that were deleted, and why others were not, keyed by ID."""

    deleted: Sequence[str]
    problems: Mapping[str, Problem]


async def _recall_deletion(caller: Caller, stored: Document) -> Deletion:
    return Deletion(stored["deleted"], await bulk.recall_problems(caller, stored["problems"]))


@requires(Role.EDITOR, "DELETE_CONTACTS")
@recalling(_recall_deletion)
async def delete_contacts(caller: Caller, ids: Sequence[str]) -> Deletion:
    """Move the cloud-only contacts among these to the recycle bin, and return why the others were not deleted."""
    requested = bulk_ids("ids", ids)
    outcome = Deletion([], {})

    async def decide(session: Session) -> Sequence[Change]:
        nonlocal outcome
        going, problems = await deletion(caller, requested, {}, session)
        outcome = Deletion([each for each in requested if each not in problems], problems)
        return going

    def stored() -> Document:
        return {"deleted": outcome.deleted, "problems": bulk.stored_problems(outcome.problems)}

    await commit(caller, decide, completing(caller, stored))
    return outcome


@requires(Role.EDITOR, "RESTORE_CONTACT")
@idempotent
async def restore_contact(caller: Caller, identifier: str) -> Document:
    """Restore a contact from the recycle bin, with its memberships, its manager and its reports.

    A manager or report that is still deleted is linked again when it is restored, too. Links to what no longer exists,
    or that would form a cycle of managers, are not restored. Raises `NotFound`, `EmailAddressTaken`, and
    `ContactReadOnly` for a synced contact, which comes back when it is restored in Active Directory.
    """

    restored: Sequence[Change] = ()

    async def decide(session: Session) -> Sequence[Change]:
        nonlocal restored
        entry = await recycle_bin.get(caller.db, identifier, session)
        if entry is None:
            raise NotFound("deleted contact", identifier)
        contact: Document = entry["contact"]
        if not (caller.author.is_sync or mastery.is_editable(contact)):
            raise await mastery.contact_read_only(caller, contact)
        restored = await restoration(caller, entry, session)
        return restored

    await commit(caller, decide, completing(caller, lambda: restored[0].contact))
    return restored[0].contact


async def get_contact(caller: Caller, identifier: str, projection: Sequence[str] | None = None) -> Document | None:
    """The contact with this ID, or None. `projection` as in `list_contacts`."""
    return await contacts.get(caller.db, identifier, projection=projection)


async def get_contacts(
    caller: Caller, ids: Iterable[str], projection: Sequence[str] | None = None
) -> Mapping[str, Document]:
    """The contacts with these IDs, keyed by ID. Unknown IDs are left out. `projection` as in `list_contacts`."""
    return await contacts.get_many(caller.db, ids, projection=projection)


async def contact_by_address(caller: Caller, address: str) -> Document | None:
    """The contact that has this primary address or alias, or None."""
    return await contacts.by_address(caller.db, address.strip())


def list_contacts(
    caller: Caller,
    selection: Selection,
    ordering: Ordering,
    window: Window,
    projection: Sequence[str] | None = None,
) -> Awaitable[Page]:
    """One page of the selected contacts. `projection` lists the stored fields to read, None for all."""
    return contacts.page(caller.db, bounded(selection), ordering, window, projection)


async def count_contacts(caller: Caller, selection: Selection) -> int:
    """The number of selected contacts."""
    return await contacts.count(caller.db, bounded(selection))


async def list_history(caller: Caller, identifier: str, window: Window) -> Page:
    """One page of the changes of a contact, latest first."""
    return await history.page(caller.db, identifier, window)


async def count_history(caller: Caller, identifier: str) -> int:
    """The number of recorded changes of a contact."""
    return await history.count(caller.db, identifier)


async def list_deleted(caller: Caller, window: Window) -> Page:
    """One page of the recycle bin, latest deletion first."""
    return await recycle_bin.page(caller.db, window)


async def count_deleted(caller: Caller) -> int:
    """The number of contacts in the recycle bin."""
    return await recycle_bin.count(caller.db)


def bounded(selection: Selection) -> Selection:
    """The selection, if it is within the limits. Raises `InvalidRequest`."""
    texts = (selection.search, selection.company, selection.department, selection.job_title, selection.country)
    if any(text is not None and len(text) > MAX_TEXT for text in (*texts, selection.email_domain)):
        raise InvalidRequest(f"A search or filter has more than {MAX_TEXT} characters. Shorten it.")
    if selection.ids is not None and len(selection.ids) > MAX_SIZE:
        raise InvalidRequest(f"The filter contains {len(selection.ids)} IDs. Send at most {MAX_SIZE}.")
    return selection


def bulk_ids(field: str, ids: Sequence[str]) -> Sequence[str]:
    """These IDs, without duplicates and in order. Raises `InvalidInput` if there are more than `MAX_BULK`."""
    if len(ids) > MAX_BULK:
        message = f"{field} contains {len(ids):,} IDs. Send at most {MAX_BULK:,} at a time."
        raise InvalidInput([FieldProblem(field, "TOO_MANY", message)])
    return list(dict.fromkeys(ids))


async def _present(caller: Caller, identifier: str, session: Session) -> Document:
    contact = await contacts.get(caller.db, identifier, session)
    if contact is None:
        raise NotFound("contact", identifier)
    return contact
