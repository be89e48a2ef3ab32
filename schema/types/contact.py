"""The contact and what belongs to it."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers import contacts, groups, mastery, paging
from schema.context import Context, Info
from schema.documents import as_type
from schema.reads import Batched, Wanted, projection, reads
from schema.types.connections import After, Connection, First, Listing, in_memory
from schema.types.cost import page
from schema.types.history import ContactChange
from schema.types.node import ContactSource, GalVisibility, Node
from schema.types.on_premises import OnPremisesIdentity
from storage import groups as stored_groups
from storage import history, recycle_bin
from storage.documents import Document
from storage.fields import described
from storage.lists.pages import Ordering
from storage.lists.selection import Selection

if TYPE_CHECKING:
    from schema.types.group import DistributionGroup

ThisContact = Annotated["Contact", strawberry.lazy("schema.types.contact")]
BY_NAME = Ordering("keys.name")


@strawberry.type(description="A postal address.")
class PostalAddress:
    street: str | None = strawberry.field(description=described("address.street"))
    city: str | None = strawberry.field(description=described("address.city"))
    state: str | None = strawberry.field(description=described("address.state"))
    country: str | None = strawberry.field(description=described("address.country"))
    postal_code: str | None = strawberry.field(description=described("address.postalCode"))


def _editable(root: Document) -> bool:
    return mastery.is_editable(root)


def _aliases(root: Document) -> list[str]:
    return list(root.get("aliases", ()))


@Batched
async def _manager(context: Context, roots: Sequence[Document], wanted: Wanted) -> Sequence[Document | None]:
    ids = {root["managerId"] for root in roots if "managerId" in root}
    found = await contacts.get_contacts(context.caller, ids, projection(wanted)) if ids else {}
    return [found.get(root.get("managerId", "")) for root in roots]


def _direct_reports(info: Info, root: Document, first: First = 50, after: After = None) -> Listing:
    return contact_list(info, Selection(manager_id=root["_id"]), BY_NAME, first, after)


@Batched
async def _groups(
    context: Context, roots: Sequence[Document], wanted: Wanted, first: First = 50, after: After = None
) -> Sequence[Listing]:
    ids = {identifier for root in roots for identifier in root.get("groupIds", ())}
    found = await groups.get_groups(context.caller, list(ids)) if ids else {}
    return [
        _group_list([found[each] for each in root.get("groupIds", ()) if each in found], first, after) for root in roots
    ]


def _group_list(found: list[Document], first: int | None, after: str | None) -> Listing:
    return in_memory(sorted(found, key=lambda each: str(each["keys"]["name"])), stored_groups.BY_NAME, first, after)


def _history(info: Info, root: Document, first: First = 50, after: After = None) -> Listing:
    caller, identifier = info.context.caller, root["_id"]
    window = paging.window(history.LATEST_FIRST, first, after)
    return Listing(
        history.LATEST_FIRST,
        lambda wanted: contacts.list_history(caller, identifier, window),
        lambda: contacts.count_history(caller, identifier),
    )


@strawberry.type(
    description="A directory entry for a person outside the organization, such as a vendor or partner. Contacts cannot "
    "sign in."
)
class Contact(Node):
    display_name: str = strawberry.field(description=described("displayName"))
    first_name: str | None = strawberry.field(description="First name. Synced contacts may have none.")
    last_name: str | None = strawberry.field(description="Last name. Synced contacts may have none.")
    email_address: str = strawberry.field(description=described("emailAddress"))
    aliases: list[str] = strawberry.field(
        resolver=_aliases, metadata=reads("aliases"), description="Additional email addresses."
    )
    company: str | None = strawberry.field(description=described("company"))
    job_title: str | None = strawberry.field(description=described("jobTitle"))
    department: str | None = strawberry.field(description=described("department"))
    business_phone: str | None = strawberry.field(description=described("businessPhone"))
    mobile_phone: str | None = strawberry.field(description=described("mobilePhone"))
    business_phone_e164: str | None = strawberry.field(
        name="businessPhoneE164",
        description="Business phone number in international form (E.164), null if unknown.",
    )
    mobile_phone_e164: str | None = strawberry.field(
        name="mobilePhoneE164",
        description="Mobile phone number in international form (E.164), null if unknown.",
    )
    address: PostalAddress | None = strawberry.field(description="Postal address.")
    notes: str | None = strawberry.field(description=described("notes"))
    source: ContactSource = strawberry.field(description="Where the contact is managed.")
    gal: GalVisibility = strawberry.field(description="Whether the Global Address List (GAL) shows the contact.")
    editable: bool = strawberry.field(
        resolver=_editable,
        metadata=reads("source"),
        description="Whether the contact can be changed here. Synced contacts cannot.",
    )
    on_premises: OnPremisesIdentity | None = strawberry.field(
        description="Identity of a synced contact in Active Directory, null for a cloud-only contact."
    )
    version: int = strawberry.field(
        description="Increases with every change. Send it as `expectedVersion` to avoid overwriting other changes."
    )
    created_at: datetime = strawberry.field(description="When the contact was created.")
    updated_at: datetime = strawberry.field(description="When the contact was last changed.")
    manager: Document | None = strawberry.field(
        resolver=_manager,
        metadata=reads("managerId"),
        graphql_type=ThisContact | None,
        description="The contact's manager, who is also a contact.",
    )
    direct_reports: Listing = strawberry.field(
        resolver=_direct_reports,
        metadata=reads("_id"),
        graphql_type=Connection[ThisContact],
        directives=page(of_each=True),
        description="The contacts whose manager is this contact, by display name.",
    )
    groups: Listing = strawberry.field(
        resolver=_groups,
        metadata=reads("groupIds"),
        graphql_type=Connection[Annotated["DistributionGroup", strawberry.lazy("schema.types.group")]],
        directives=page(),
        description="The distribution groups that the contact is a member of, by display name.",
    )
    history: Listing = strawberry.field(
        resolver=_history,
        metadata=reads("_id"),
        graphql_type=Connection[ContactChange],
        directives=page(of_each=True),
        description="The contact's changes, latest first. Joining or leaving a group is not a change of the contact: "
        "it is not recorded and does not increase the version.",
    )

    @classmethod
    def is_type_of(cls, obj: object, info: object) -> bool:
        """Whether the object is a contact document."""
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
    """The list of selected contacts."""
    caller = info.context.caller
    window = paging.window(ordering, first, after, last, before)
    return Listing(
        ordering,
        lambda wanted: contacts.list_contacts(caller, selection, ordering, window, wanted),
        lambda: contacts.count_contacts(caller, selection),
    )


def _deleted_contact(root: Document) -> Contact:
    return as_type(Contact, root["contact"])


@strawberry.type(description="A contact in the recycle bin, where it can be restored for 30 days.")
class DeletedContact:
    id: strawberry.ID = strawberry.field(description="ID of the contact. Restoring the contact does not change it.")
    deleted_at: datetime = strawberry.field(description="When the contact was deleted.")
    deleted_by: str = strawberry.field(description="Who deleted the contact.")
    purge_at: datetime = strawberry.field(description="When the contact will be permanently deleted.")
    contact: Contact = strawberry.field(
        resolver=_deleted_contact, metadata=reads("contact"), description="The contact before its deletion."
    )


def deleted_list(info: Info, first: int | None, after: str | None) -> Listing:
    """The list of deleted contacts."""
    caller = info.context.caller
    window = paging.window(recycle_bin.LATEST_FIRST, first, after)
    return Listing(
        recycle_bin.LATEST_FIRST,
        lambda wanted: contacts.list_deleted(caller, window),
        lambda: contacts.count_deleted(caller),
    )
