"""The distribution group."""

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers import groups, paging
from schema.context import Info
from schema.reads import reads
from schema.types.connections import After, Connection, First, Listing
from schema.types.contact import BY_NAME, Contact, contact_list
from schema.types.inputs import ContactFilter, selection
from schema.types.node import ContactSource, Node
from schema.types.on_premises import OnPremisesIdentity
from storage import groups as stored_groups
from storage.documents import Document

Filter = Annotated[ContactFilter | None, strawberry.argument(description="Only members that fulfil all that is given.")]


def _members(info: Info, root: Document, first: First = 50, after: After = None, filter: Filter = None) -> Listing:
    return contact_list(info, selection(filter, group_id=root["_id"]), BY_NAME, first, after)


def _source(root: Document) -> str:
    return str(root.get("source", "CLOUD"))


@strawberry.type(description="A distribution group: mail to its address goes to all its members.")
class DistributionGroup(Node):
    display_name: str = strawberry.field(description="Name of the group, 1 to 256 characters.")
    email_address: str = strawberry.field(description="Its e-mail address, which no other group or contact has.")
    description: str | None = strawberry.field(description="What the group is for.")
    member_count: int = strawberry.field(description="How many contacts are members, exact at all times.")
    source: str = strawberry.field(
        resolver=_source,
        graphql_type=ContactSource,
        metadata=reads("source"),
        description="Where the group and its memberships are mastered.",
    )
    on_premises: OnPremisesIdentity | None = strawberry.field(
        description="What it is in Active Directory; null for a group of the cloud."
    )
    members: Listing = strawberry.field(
        resolver=_members,
        metadata=reads("_id"),
        graphql_type=Connection[Contact],
        description="Its members, by display name.",
    )
    version: int = strawberry.field(
        description="Grows when name, address or description change; give it as `expectedVersion` to update."
    )
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When its name, address or description were last changed.")

    @classmethod
    def is_type_of(cls, obj: object, info: object) -> bool:
        """Whether a document is a group's."""
        return isinstance(obj, dict) and "memberCount" in obj


def group_list(info: Info, search: str | None, first: int | None, after: str | None) -> Listing:
    """The list of the groups that a search finds."""
    caller = info.context.caller
    window = paging.window(stored_groups.BY_NAME, first, after)
    return Listing(
        stored_groups.BY_NAME,
        lambda wanted: groups.list_groups(caller, window, search),
        lambda: groups.count_groups(caller, search),
    )
