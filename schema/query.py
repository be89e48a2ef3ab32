"""The queries."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from resolvers import contacts, groups, statistics
from resolvers.contacts import MAX_BULK, bulk_ids
from resolvers.errors import InvalidRequest
from resolvers.imports import jobs as import_jobs
from resolvers.sync import control
from schema.context import Context, Info
from schema.reads import Batched, Wanted, projection
from schema.types.audit import AuditEntry, AuditFilter, entry_list
from schema.types.connections import After, Before, Connection, First, Last, Listing
from schema.types.contact import Contact, DeletedContact, contact_list, deleted_list
from schema.types.contact_import import ContactImport, import_list
from schema.types.cost import as_many_as, page, weighs
from schema.types.directory_sync import DirectorySync, directory_sync
from schema.types.group import DistributionGroup, group_list
from schema.types.inputs import ContactFilter, ContactOrder, ContactOrderField, selection
from schema.types.node import Node
from schema.types.statistics import ContactStats
from schema.types.viewer import Viewer, viewer
from storage.documents import Document

Id = Annotated[strawberry.ID | None, strawberry.argument(description="Its ID. Use either this or `emailAddress`.")]
EmailAddress = Annotated[str | None, strawberry.argument(description="One of its email addresses, ignoring case.")]
Search = Annotated[
    str | None,
    strawberry.argument(
        description="Words or beginnings of words, separated by spaces, ignoring case and accents. All of them must be "
        "found in a contact's names, company, email addresses, domains or phone numbers.",
        directives=weighs(10),
    ),
]


def _contacts(
    info: Info,
    filter: Annotated[
        ContactFilter | None, strawberry.argument(description="Only contacts that match all conditions.")
    ] = None,
    search: Search = None,
    order_by: Annotated[
        ContactOrder | None, strawberry.argument(description="How to sort the contacts. Null sorts by display name.")
    ] = ContactOrder(field=ContactOrderField.DISPLAY_NAME),  # noqa: B008 - the default shown in the schema
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> Listing:
    order = order_by or ContactOrder(field=ContactOrderField.DISPLAY_NAME)
    return contact_list(info, selection(filter, search=search), order.ordering, first, after, last, before)


@Batched
async def _contact(
    context: Context, roots: Sequence[Document], wanted: Wanted, id: Id = None, email_address: EmailAddress = None
) -> Sequence[Document | None]:
    if _by_id(id, email_address):
        found = await contacts.get_contact(context.caller, str(id), projection(wanted))
    else:
        found = await contacts.contact_by_address(context.caller, str(email_address))
    return [found] * len(roots)


async def _contact_stats(info: Info) -> statistics.ContactStats:
    return await statistics.contact_stats(info.context.caller)


def _deleted_contacts(info: Info, first: First = 50, after: After = None) -> Listing:
    return deleted_list(info, first, after)


def _groups(
    info: Info,
    search: Annotated[
        str | None,
        strawberry.argument(
            description="Words or beginnings of words, separated by spaces, ignoring case and accents. All of them "
            "must be found in a group's name or address.",
            directives=weighs(5),
        ),
    ] = None,
    first: First = 50,
    after: After = None,
) -> Listing:
    return group_list(info, search, first, after)


async def _group(info: Info, id: Id = None, email_address: EmailAddress = None) -> Document | None:
    if _by_id(id, email_address):
        return (await groups.get_groups(info.context.caller, [str(id)])).get(str(id))
    return await groups.group_by_address(info.context.caller, str(email_address))


async def _node(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its ID.")]
) -> Document | None:
    found = await contacts.get_contact(info.context.caller, id) or await _group(info, id)
    return found or await import_jobs.get(info.context.caller, id)


async def _nodes(
    info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="Up to 1,000 IDs.")]
) -> list[Document | None]:
    bulk_ids("ids", ids)
    caller = info.context.caller
    found = {
        **await contacts.get_contacts(caller, ids),
        **await groups.get_groups(caller, ids),
        **await import_jobs.get_many(caller, ids),
    }
    return [found.get(each) for each in ids]


async def _contact_import(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its ID.")]
) -> Document | None:
    return await import_jobs.get(info.context.caller, id)


def _contact_imports(info: Info, first: First = 50, after: After = None) -> Listing:
    return import_list(info, first, after)


def _audit_log(
    info: Info,
    filter: Annotated[
        AuditFilter | None, strawberry.argument(description="Only entries that match all conditions.")
    ] = None,
    first: First = 50,
    after: After = None,
) -> Listing:
    return entry_list(info, filter, first, after)


def _by_id(identifier: str | None, address: str | None) -> bool:
    if (identifier is None) == (address is None):
        raise InvalidRequest("Use either id or emailAddress.")
    return identifier is not None


def _viewer(info: Info) -> Viewer:
    return viewer(info.context.identity, info.context.caller.role)


@strawberry.type(description="All queries.")
class Query:
    contacts: Listing = strawberry.field(
        resolver=_contacts,
        graphql_type=Connection[Contact],
        directives=page("first", "last"),
        description="List, filter, search and sort contacts.",
    )
    contact: Document | None = strawberry.field(
        resolver=_contact,
        graphql_type=Contact | None,
        description="A contact by ID or email address, null if not found.",
    )
    contact_stats: statistics.ContactStats = strawberry.field(
        resolver=_contact_stats, graphql_type=ContactStats, description="Contact statistics for the dashboard."
    )
    deleted_contacts: Listing = strawberry.field(
        resolver=_deleted_contacts,
        graphql_type=Connection[DeletedContact],
        directives=page(),
        description="The contacts in the recycle bin, latest deletion first.",
    )
    groups: Listing = strawberry.field(
        resolver=_groups,
        graphql_type=Connection[DistributionGroup],
        directives=page(),
        description="List and search groups, by name.",
    )
    group: Document | None = strawberry.field(
        resolver=_group,
        graphql_type=DistributionGroup | None,
        description="A distribution group by ID or email address, null if not found.",
    )
    directory_sync: control.SyncStatus = strawberry.field(
        resolver=directory_sync,
        graphql_type=DirectorySync,
        description="State and runs of the sync with on-premises Active Directory.",
    )
    contact_import: Document | None = strawberry.field(
        resolver=_contact_import, graphql_type=ContactImport | None, description="An import by ID, null if not found."
    )
    contact_imports: Listing = strawberry.field(
        resolver=_contact_imports,
        graphql_type=Connection[ContactImport],
        directives=page(),
        description="The imports of the last 30 days, latest first.",
    )
    node: Document | None = strawberry.field(
        resolver=_node,
        graphql_type=Node | None,
        description="A contact, group or import by ID, null if not found.",
    )
    nodes: list[Document | None] = strawberry.field(
        resolver=_nodes,
        graphql_type=list[Node | None],
        directives=as_many_as("ids", MAX_BULK),
        description="Contacts, groups and imports by ID, in the given order, null for each that is not found.",
    )
    audit_log: Listing = strawberry.field(
        resolver=_audit_log,
        graphql_type=Connection[AuditEntry],
        directives=page(),
        description="What people and apps did or were refused, latest first. For administrators.",
    )
    viewer: Viewer = strawberry.field(resolver=_viewer, description="Who you are, and what you may do.")
