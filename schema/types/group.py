"""The distribution group."""

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers import groups, paging
from schema.context import Info
from schema.reads import reads
from schema.types.connections import After, Connection, First, Listing
from schema.types.contact import BY_NAME, Contact, contact_list
from schema.types.cost import page
from schema.types.inputs import ContactFilter, selection
from schema.types.node import ContactSource, Node
from schema.types.on_premises import OnPremisesIdentity
from storage import groups as stored_groups
from storage.documents import Document

Filter = Annotated[ContactFilter | None, strawberry.argument(description="Only members that match all conditions.")]


def _members(info: Info, root: Document, first: First = 50, after: After = None, filter: Filter = None) -> Listing:
    return contact_list(info, selection(filter, group_id=root["_id"]), BY_NAME, first, after)


def _source(root: Document) -> str:
    return str(root.get("source", "CLOUD"))


@strawberry.type(description="A distribution group. Email sent to its address goes to all members.")
class DistributionGroup(Node):
    display_name: str = strawberry.field(description="Name of the group. 1 to 256 characters.")
    email_address: str = strawberry.field(description="Email address. No two contacts or groups share an address.")
    description: str | None = strawberry.field(description="Purpose of the group.")
    member_count: int = strawberry.field(description="Number of members, always exact.")
    source: str = strawberry.field(
        resolver=_source,
        graphql_type=ContactSource,
        metadata=reads("source"),
        description="Where the group and its members are managed.",
    )
    on_premises: OnPremisesIdentity | None = strawberry.field(
        description="Identity of a synced group in Active Directory, null for a cloud-only group."
    )
    members: Listing = strawberry.field(
        resolver=_members,
        metadata=reads("_id"),
        graphql_type=Connection[Contact],
        directives=page(of_each=True),
        description="The members, by display name.",
    )
    version: int = strawberry.field(
        description="Increases when the name, address or description changes. Send it as `expectedVersion` to avoid "
        "overwriting other changes."
    )
    created_at: datetime = strawberry.field(description="When the group was created.")
    updated_at: datetime = strawberry.field(description="When the name, address or description was last changed.")

    @classmethod
    def is_type_of(cls, obj: object, info: object) -> bool:
        """Whether the object is a group document."""
        return isinstance(obj, dict) and "memberCount" in obj


def group_list(info: Info, search: str | None, first: int | None, after: str | None) -> Listing:
    """The list of groups that match a search."""
    caller = info.context.caller
    window = paging.window(stored_groups.BY_NAME, first, after)
    return Listing(
        stored_groups.BY_NAME,
        lambda wanted: groups.list_groups(caller, window, search),
        lambda: groups.count_groups(caller, search),
    )
