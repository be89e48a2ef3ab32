"""The contact and what belongs to it."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from resolvers import contacts, groups, paging, sync_state
from schema.connections import After, Connection, First, Listing, in_memory
from schema.context import Context, Info
from schema.documents import as_type
from schema.reads import Wanted, projection, reads
from storage import groups as stored_groups
from storage import history, recycle_bin
from storage.documents import Document
from storage.pages import Ordering
from storage.selection import Selection

if TYPE_CHECKING:
    from schema.group import DistributionGroup

ThisContact = Annotated["Contact", strawberry.lazy("schema.contact")]
BY_NAME = Ordering("keys.name")


@strawberry.enum(description="Where a contact is mastered.")
class ContactSource(Enum):
    SYNCED = strawberry.enum_value(
        "SYNCED", description="Synchronised from on-premises Active Directory: read-only here, edited there."
    )
    CLOUD = strawberry.enum_value("CLOUD", description="Lives in the cloud only: edited here, with immediate effect.")


@strawberry.enum(description="Whether the Global Address List (GAL) shows a contact.")
class GalVisibility(Enum):
    VISIBLE = strawberry.enum_value("VISIBLE", description="Shown in the Global Address List.")
    HIDDEN = strawberry.enum_value("HIDDEN", description="Left out of the Global Address List.")


@strawberry.enum(description="What happened to a contact.")
class ContactChangeAction(Enum):
    CREATED = strawberry.enum_value("CREATED", description="It was created, imported or first synchronised.")
    UPDATED = strawberry.enum_value("UPDATED", description="Some of its fields were changed.")
    DELETED = strawberry.enum_value("DELETED", description="It was moved to the recycle bin.")
    RESTORED = strawberry.enum_value("RESTORED", description="It was brought back from the recycle bin.")
    HANDED_OVER = strawberry.enum_value(
        "HANDED_OVER", description="It was synced from Active Directory, and made a cloud-only contact."
    )


@strawberry.interface(description="Anything with an identifier, found again by `node(id:)` (Relay).")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque, never changes, unique in the whole directory.")


@strawberry.type(description="A postal address.")
class PostalAddress:
    street: str | None = strawberry.field(description="Street and number; may run over several lines.")
    city: str | None = strawberry.field(description="City or town.")
    state: str | None = strawberry.field(description="State, province or region.")
    country: str | None = strawberry.field(description="Country, as it was given: a name or an ISO 3166 code.")
    postal_code: str | None = strawberry.field(description="Postal or ZIP code.")


async def _last_sync_at(info: Info, root: Document) -> datetime:
    state = await info.context.sync_states.load(root["domain"])
    return sync_state.last_sync_at(root, {root["domain"]: state})


async def _next_sync_at(info: Info, root: Document) -> datetime | None:
    state = await info.context.sync_states.load(root["domain"])
    return sync_state.next_sync_at(root, {root["domain"]: state})


async def _last_sync_at_of(context: Context, roots: Sequence[Document], wanted: Wanted) -> Sequence[datetime]:
    states = await sync_state.read(context.directory)
    return [sync_state.last_sync_at(root, states) for root in roots]


async def _next_sync_at_of(context: Context, roots: Sequence[Document], wanted: Wanted) -> Sequence[datetime | None]:
    states = await sync_state.read(context.directory)
    return [sync_state.next_sync_at(root, states) for root in roots]


@strawberry.type(description="What a synced contact is in on-premises Active Directory.")
class OnPremisesIdentity:
    object_guid: strawberry.ID = strawberry.field(description="objectGUID, which never changes.")
    distinguished_name: str = strawberry.field(description="Distinguished name: where to edit it.")
    domain: str = strawberry.field(description="DNS name of the Active Directory domain.")
    when_changed: datetime | None = strawberry.field(
        description="When Active Directory last saw it changed, by the domain controller that it was read from."
    )
    last_sync_at: datetime = strawberry.field(
        resolver=_last_sync_at,
        metadata=reads("domain", "lastSyncAt", "heldBack", many=_last_sync_at_of),
        description="When it was last found to be as in Active Directory.",
    )
    next_sync_at: datetime | None = strawberry.field(
        resolver=_next_sync_at,
        metadata=reads("domain", many=_next_sync_at_of),
        description="When the next sync is due; null if none is configured.",
    )


@strawberry.type(description="A field's value before and after a change.")
class FieldChange:
    field: str = strawberry.field(
        description="Name of the field, as in `Contact`; the manager is `managerId`, and told by its id."
    )
    before: JSON | None = strawberry.field(description="The old value; null if there was none.")
    after: JSON | None = strawberry.field(description="The new value; null if it was cleared.")


def field_changes(root: Document) -> list[FieldChange]:
    """The fields in a document's `before` and `after`, by name."""
    names = sorted({*root["before"], *root["after"]})
    return [FieldChange(field=name, before=root["before"].get(name), after=root["after"].get(name)) for name in names]


@strawberry.type(description="A recorded change of a contact.")
class ContactChange:
    id: strawberry.ID = strawberry.field(description="Identifier of the change; later changes have greater ones.")
    action: ContactChangeAction = strawberry.field(description="What happened.")
    at: datetime = strawberry.field(description="When.")
    by: str = strawberry.field(description="Who did it.")
    through: str = strawberry.field(description="Through what: `graphql`, `rest`, `cli`, `import` or `sync`.")
    version: int = strawberry.field(description="The contact's version after the change.")
    changes: list[FieldChange] = strawberry.field(
        resolver=field_changes, metadata=reads("before", "after"), description="The fields that changed, by name."
    )


def _editable(root: Document) -> bool:
    return bool(root["source"] == "CLOUD")


def _aliases(root: Document) -> list[str]:
    return list(root.get("aliases", ()))


async def _manager(info: Info, root: Document) -> Document | None:
    manager = root.get("managerId")
    return await info.context.contacts.load(manager) if manager else None


async def _managers(context: Context, roots: Sequence[Document], wanted: Wanted) -> Sequence[Document | None]:
    ids = {root["managerId"] for root in roots if "managerId" in root}
    found = await contacts.get_contacts(context.directory, ids, projection(wanted)) if ids else {}
    return [found.get(root.get("managerId", "")) for root in roots]


def _direct_reports(info: Info, root: Document, first: First = 50, after: After = None) -> Listing:
    return contact_list(info, Selection(manager_id=root["_id"]), BY_NAME, first, after)


async def _groups(info: Info, root: Document, first: First = 50, after: After = None) -> Listing:
    found = await info.context.groups.load_many(root.get("groupIds", ()))
    return _group_list([group for group in found if group is not None], first, after)


async def _groups_of_all(
    context: Context, roots: Sequence[Document], wanted: Wanted, first: int | None = 50, after: str | None = None
) -> Sequence[Listing]:
    ids = {identifier for root in roots for identifier in root.get("groupIds", ())}
    found = await groups.get_groups(context.directory, list(ids)) if ids else {}
    return [
        _group_list([found[each] for each in root.get("groupIds", ()) if each in found], first, after) for root in roots
    ]


def _group_list(found: list[Document], first: int | None, after: str | None) -> Listing:
    return in_memory(sorted(found, key=lambda each: str(each["keys"]["name"])), stored_groups.BY_NAME, first, after)


def _history(info: Info, root: Document, first: First = 50, after: After = None) -> Listing:
    directory, identifier = info.context.directory, root["_id"]
    window = paging.window(history.LATEST_FIRST, first, after)
    return Listing(
        history.LATEST_FIRST,
        lambda wanted: contacts.list_history(directory, identifier, window),
        lambda: contacts.count_history(directory, identifier),
    )


@strawberry.type(
    description="A directory entry for an external person: someone at a vendor or partner, without sign-in access."
)
class Contact(Node):
    display_name: str = strawberry.field(description="Name shown in the directory, 1 to 256 characters.")
    first_name: str | None = strawberry.field(description="First name; a synced contact may lack it.")
    last_name: str | None = strawberry.field(description="Last name; a synced contact may lack it.")
    email_address: str = strawberry.field(
        description="Primary external e-mail address, as it was given. No two contacts or groups share an address."
    )
    aliases: list[str] = strawberry.field(
        resolver=_aliases, metadata=reads("aliases"), description="Further e-mail addresses of the contact."
    )
    company: str | None = strawberry.field(description="Name of the organisation.")
    job_title: str | None = strawberry.field(description="Job title.")
    department: str | None = strawberry.field(description="Department.")
    business_phone: str | None = strawberry.field(description="Business phone number, as it was given.")
    mobile_phone: str | None = strawberry.field(description="Mobile phone number, as it was given.")
    business_phone_e164: str | None = strawberry.field(
        name="businessPhoneE164",
        description="Business phone number to dial from anywhere (E.164); null where it cannot be told.",
    )
    mobile_phone_e164: str | None = strawberry.field(
        name="mobilePhoneE164",
        description="Mobile phone number to dial from anywhere (E.164); null where it cannot be told.",
    )
    address: PostalAddress | None = strawberry.field(description="Postal address.")
    notes: str | None = strawberry.field(description="Notes, up to 10,000 characters.")
    source: ContactSource = strawberry.field(description="Where the contact is mastered.")
    gal: GalVisibility = strawberry.field(description="Whether the Global Address List shows it.")
    editable: bool = strawberry.field(
        resolver=_editable,
        metadata=reads("source"),
        description="Whether it can be changed here: true unless it is synced.",
    )
    on_premises: OnPremisesIdentity | None = strawberry.field(
        description="What it is in Active Directory; null for a cloud-only contact."
    )
    version: int = strawberry.field(description="Grows with every change; give it as `expectedVersion` to update.")
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    manager: Document | None = strawberry.field(
        resolver=_manager,
        metadata=reads("managerId", many=_managers),
        graphql_type=ThisContact | None,
        description="The contact that manages it.",
    )
    direct_reports: Listing = strawberry.field(
        resolver=_direct_reports,
        metadata=reads("_id"),
        graphql_type=Connection[ThisContact],
        description="The contacts it manages, by display name.",
    )
    groups: Listing = strawberry.field(
        resolver=_groups,
        metadata=reads("groupIds", many=_groups_of_all),
        graphql_type=Connection[Annotated["DistributionGroup", strawberry.lazy("schema.group")]],
        description="The distribution groups it is a member of, by display name.",
    )
    history: Listing = strawberry.field(
        resolver=_history,
        metadata=reads("_id"),
        graphql_type=Connection[ContactChange],
        description="Its recorded changes, the latest first. To join or leave a group is none: memberships are the "
        "group's, change by the thousand, and leave the contact and its version as they are.",
    )

    @classmethod
    def is_type_of(cls, obj: object, info: object) -> bool:
        """Whether a document is a contact's."""
        return isinstance(obj, dict) and "source" in obj


def contact_list(
    info: Info,
    selection: Selection,
    ordering: Ordering,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Listing:
    """The list of the selected contacts."""
    directory = info.context.directory
    window = paging.window(ordering, first, after, last, before)
    return Listing(
        ordering,
        lambda wanted: contacts.list_contacts(directory, selection, ordering, window, wanted),
        lambda: contacts.count_contacts(directory, selection),
    )


def _deleted_contact(root: Document) -> Contact:
    return as_type(Contact, root["contact"])


@strawberry.type(description="A contact in the recycle bin, where it can be restored for 30 days.")
class DeletedContact:
    id: strawberry.ID = strawberry.field(description="Identifier of the contact, the same as before and after.")
    deleted_at: datetime = strawberry.field(description="When it was deleted.")
    deleted_by: str = strawberry.field(description="Who deleted it.")
    purge_at: datetime = strawberry.field(description="When it will be gone for good.")
    contact: Contact = strawberry.field(
        resolver=_deleted_contact, metadata=reads("contact"), description="The contact as it was."
    )


def deleted_list(info: Info, first: int | None, after: str | None) -> Listing:
    """The list of the deleted contacts."""
    directory = info.context.directory
    window = paging.window(recycle_bin.LATEST_FIRST, first, after)
    return Listing(
        recycle_bin.LATEST_FIRST,
        lambda wanted: contacts.list_deleted(directory, window),
        lambda: contacts.count_deleted(directory),
    )
