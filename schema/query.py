"""What can be read."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from resolvers import contacts, groups, statistics
from resolvers.contacts import bulk_ids
from resolvers.errors import InvalidRequest
from resolvers.imports import jobs as import_jobs
from resolvers.sync import control
from schema.context import Context, Info
from schema.reads import Batched, Wanted, projection
from schema.types.connections import After, Before, Connection, First, Last, Listing
from schema.types.contact import Contact, DeletedContact, contact_list, deleted_list
from schema.types.contact_import import ContactImport, import_list
from schema.types.directory_sync import DirectorySync, directory_sync
from schema.types.group import DistributionGroup, group_list
from schema.types.inputs import ContactFilter, ContactOrder, ContactOrderField, selection
from schema.types.node import Node
from schema.types.statistics import ContactStats
from schema.types.viewer import Role, Viewer
from storage.documents import Document

Id = Annotated[strawberry.ID | None, strawberry.argument(description="Its id. Give this or `emailAddress`.")]
EmailAddress = Annotated[str | None, strawberry.argument(description="One of its e-mail addresses, in any case.")]
Search = Annotated[
    str | None,
    strawberry.argument(
        description="Beginnings of words, in any case and with or without accents, all of which must be found: "
        "in names, company, e-mail addresses, domains or phone numbers."
    ),
]


def _contacts(
    info: Info,
    filter: Annotated[
        ContactFilter | None, strawberry.argument(description="Only contacts that fulfil all that is given.")
    ] = None,
    search: Search = None,
    order_by: Annotated[
        ContactOrder | None, strawberry.argument(description="How to sort them; null sorts by display name.")
    ] = ContactOrder(field=ContactOrderField.DISPLAY_NAME),  # noqa: B008 - the default that the schema shows
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
        strawberry.argument(description="Beginnings of words of the name or address, all of which must be found."),
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
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
) -> Document | None:
    found = await contacts.get_contact(info.context.caller, id) or await _group(info, id)
    return found or await import_jobs.get(info.context.caller, id)


async def _nodes(
    info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="Ids, 1,000 at most.")]
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
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
) -> Document | None:
    return await import_jobs.get(info.context.caller, id)


def _contact_imports(info: Info, first: First = 50, after: After = None) -> Listing:
    return import_list(info, first, after)


def _by_id(identifier: str | None, address: str | None) -> bool:
    if (identifier is None) == (address is None):
        raise InvalidRequest("Give either id or emailAddress.")
    return identifier is not None


def _viewer(info: Info) -> Viewer:
    return Viewer(name=info.context.caller.author.name, role=Role.ADMIN)


@strawberry.type(description="What can be read.")
class Query:
    contacts: Listing = strawberry.field(
        resolver=_contacts, graphql_type=Connection[Contact], description="The contacts, filtered, searched and sorted."
    )
    contact: Document | None = strawberry.field(
        resolver=_contact, graphql_type=Contact | None, description="One contact; null if there is none."
    )
    contact_stats: statistics.ContactStats = strawberry.field(
        resolver=_contact_stats, graphql_type=ContactStats, description="The figures of the dashboard."
    )
    deleted_contacts: Listing = strawberry.field(
        resolver=_deleted_contacts,
        graphql_type=Connection[DeletedContact],
        description="The recycle bin, the latest deletion first.",
    )
    groups: Listing = strawberry.field(
        resolver=_groups, graphql_type=Connection[DistributionGroup], description="The distribution groups, by name."
    )
    group: Document | None = strawberry.field(
        resolver=_group, graphql_type=DistributionGroup | None, description="One group; null if there is none."
    )
    directory_sync: control.SyncStatus = strawberry.field(
        resolver=directory_sync,
        graphql_type=DirectorySync,
        description="The sync with on-premises Active Directory: its state and its runs.",
    )
    contact_import: Document | None = strawberry.field(
        resolver=_contact_import, graphql_type=ContactImport | None, description="The import with this id."
    )
    contact_imports: Listing = strawberry.field(
        resolver=_contact_imports,
        graphql_type=Connection[ContactImport],
        description="The imports of the last 30 days, the latest first.",
    )
    node: Document | None = strawberry.field(
        resolver=_node,
        graphql_type=Node | None,
        description="The contact, group or import with this id; null if none has it.",
    )
    nodes: list[Document | None] = strawberry.field(
        resolver=_nodes,
        graphql_type=list[Node | None],
        description="The contacts and groups with these ids, in their order; null where none has one.",
    )
    viewer: Viewer = strawberry.field(resolver=_viewer, description="Who is asking, and what they may do.")
