"""The audit log."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum

import strawberry
from strawberry.scalars import JSON

from resolvers import audit_log, paging
from schema.context import Context, Info
from schema.reads import Batched, Wanted, reads
from schema.types.connections import Listing
from storage.audit.entries import LATEST_FIRST, AuditSelection
from storage.documents import Document


@strawberry.enum(description="What someone did or tried to do.")
class AuditAction(Enum):
    CREATE_CONTACT = strawberry.enum_value("CREATE_CONTACT", description="Create a contact.")
    UPDATE_CONTACT = strawberry.enum_value("UPDATE_CONTACT", description="Change a contact.")
    DELETE_CONTACT = strawberry.enum_value("DELETE_CONTACT", description="Delete a contact.")
    DELETE_CONTACTS = strawberry.enum_value("DELETE_CONTACTS", description="Delete several contacts at once.")
    RESTORE_CONTACT = strawberry.enum_value("RESTORE_CONTACT", description="Restore a deleted contact.")
    CREATE_GROUP = strawberry.enum_value("CREATE_GROUP", description="Create a group.")
    UPDATE_GROUP = strawberry.enum_value("UPDATE_GROUP", description="Change a group.")
    DELETE_GROUP = strawberry.enum_value("DELETE_GROUP", description="Delete a group.")
    ADD_CONTACTS_TO_GROUP = strawberry.enum_value("ADD_CONTACTS_TO_GROUP", description="Add members to a group.")
    REMOVE_CONTACTS_FROM_GROUP = strawberry.enum_value("REMOVE_CONTACTS_FROM_GROUP", description="Remove members.")
    IMPORT_CONTACTS = strawberry.enum_value("IMPORT_CONTACTS", description="Start an import.")
    CANCEL_IMPORT = strawberry.enum_value("CANCEL_IMPORT", description="Cancel an import.")
    UNDO_IMPORT = strawberry.enum_value("UNDO_IMPORT", description="Undo an import.")
    EXPORT_CONTACTS = strawberry.enum_value("EXPORT_CONTACTS", description="Export contacts to a file.")
    START_SYNC = strawberry.enum_value("START_SYNC", description="Start a sync.")
    SYNC = strawberry.enum_value("SYNC", description="A sync has ended.")
    MAKE_CLOUD_ONLY = strawberry.enum_value("MAKE_CLOUD_ONLY", description="Make synced contacts cloud-only.")
    READ_AUDIT_LOG = strawberry.enum_value("READ_AUDIT_LOG", description="Read the audit log.")
    EXPORT_AUDIT_LOG = strawberry.enum_value("EXPORT_AUDIT_LOG", description="Export the audit log.")
    READ = strawberry.enum_value("READ", description="Read anything else, with CONTACTS_AUDIT_READS=on.")
    SIGN_IN = strawberry.enum_value("SIGN_IN", description="Call the service without a token or a role.")
    START_SERVICE = strawberry.enum_value("START_SERVICE", description="Start the service with these settings.")


@strawberry.enum(description="The way in which someone used the service.")
class AuditChannel(Enum):
    GRAPHQL = strawberry.enum_value("GRAPHQL", description="The GraphQL API.")
    REST = strawberry.enum_value("REST", description="The REST API.")
    CLI = strawberry.enum_value("CLI", description="The command line.")
    IMPORT = strawberry.enum_value("IMPORT", description="An import.")
    SYNC = strawberry.enum_value("SYNC", description="The sync with Active Directory.")


@strawberry.enum(description="How it ended.")
class AuditOutcome(Enum):
    DONE = strawberry.enum_value("DONE", description="It was done.")
    REFUSED = strawberry.enum_value("REFUSED", description="It was refused.")


@strawberry.type(description="A person or app in the audit log.")
class AuditActor:
    id: strawberry.ID = strawberry.field(description="ID at the identity provider, which never changes.")
    name: str | None = strawberry.field(description="The current name. Null if it was erased.")


@Batched
async def _actors(context: Context, roots: Sequence[Document], wanted: Wanted) -> Sequence[Document | None]:
    names = await audit_log.actor_names(context.caller.db, roots)
    found = [root.get("actorId") for root in roots]
    return [each and {"_id": each, "name": names.get(each)} for each in found]


@strawberry.type(description="What someone did or was refused.")
class AuditEntry:
    id: strawberry.ID = strawberry.field(description="ID of the entry. Later entries have greater IDs.")
    at: datetime = strawberry.field(description="When it happened.")
    action: AuditAction = strawberry.field(description="What they did or tried to do.")
    outcome: AuditOutcome = strawberry.field(description="How it ended.")
    code: str | None = strawberry.field(description="Why it was refused: `FORBIDDEN` or `UNAUTHENTICATED`.")
    actor: Document | None = strawberry.field(
        resolver=_actors,
        graphql_type=AuditActor | None,
        metadata=reads("actorId"),
        description="Who did it. Null if nobody had signed in.",
    )
    channel: AuditChannel | None = strawberry.field(description="Through which channel. Null if nobody had signed in.")
    address: str | None = strawberry.field(description="Network address that the request came from.")
    request_id: str | None = strawberry.field(description="ID of the request, as in the service's log.")
    target_ids: list[strawberry.ID] = strawberry.field(
        resolver=lambda root: root.get("targetIds", ()),
        metadata=reads("targetIds"),
        description="IDs of the contacts, groups, imports or runs concerned. The history of a contact has its fields.",
    )
    details: JSON = strawberry.field(
        resolver=lambda root: root.get("details", {}),
        metadata=reads("details"),
        description="More about it, such as the options of an import, or the filters of an export.",
    )
    count: int = strawberry.field(
        resolver=lambda root: root.get("count", 1),
        metadata=reads("count"),
        description="How many requests this stands for. Those without a valid sign-in are counted by address and "
        "minute.",
    )


@strawberry.input(description="Which entries of the audit log to return. All conditions must be met.")
class AuditFilter:
    actor_id: strawberry.ID | None = strawberry.field(default=None, description="ID of the person or app.")
    action: AuditAction | None = strawberry.field(default=None, description="What they did or tried to do.")
    outcome: AuditOutcome | None = strawberry.field(default=None, description="How it ended.")
    channel: AuditChannel | None = strawberry.field(default=None, description="Through which channel.")
    target_id: strawberry.ID | None = strawberry.field(
        default=None, description="ID of a contact, group, import or run concerned."
    )
    address: str | None = strawberry.field(default=None, description="Network address that the request came from.")
    since: datetime | None = strawberry.field(default=None, description="At this time or later.")
    until: datetime | None = strawberry.field(default=None, description="Before this time.")

    @property
    def selection(self) -> AuditSelection:
        """The entries that this filter describes."""
        return AuditSelection(
            self.actor_id,
            self.action and self.action.name,
            self.outcome and self.outcome.name,
            self.channel and self.channel.name,
            self.target_id,
            self.address,
            self.since,
            self.until,
        )


def entry_list(info: Info, filter: AuditFilter | None, first: int | None, after: str | None) -> Listing:
    """The entries of the audit log that match the filter."""
    caller, window = info.context.caller, paging.window(LATEST_FIRST, first, after)
    chosen = filter.selection if filter else AuditSelection()
    return Listing(
        LATEST_FIRST,
        lambda wanted: audit_log.list_entries(caller, chosen, window),
        lambda: audit_log.count_entries(caller, chosen),
    )
