"""The sync with on-premises Active Directory: its state and its runs."""

from datetime import datetime
from enum import Enum

import strawberry

from resolvers import paging
from resolvers.sync import control
from schema.context import Info
from schema.types.connections import After, Connection, First, Listing
from schema.types.cost import at_most, page
from schema.types.history import MOST_CHANGES, ContactChangeAction, FieldChange, field_changes
from storage.documents import Document
from storage.sync import runs as sync_runs


@strawberry.enum(description="Progress or result of a run.")
class DirectorySyncStatus(Enum):
    QUEUED = strawberry.enum_value("QUEUED", description="The run was requested and starts within seconds.")
    RUNNING = strawberry.enum_value("RUNNING", description="The run is in progress.")
    SUCCEEDED = strawberry.enum_value(
        "SUCCEEDED", description="The run has finished. Objects that could not be synced are in `skips`."
    )
    STOPPED = strawberry.enum_value(
        "STOPPED",
        description="The run would delete too many contacts, so it changed nothing. Approve the deletions with "
        "`allowDeletions`.",
    )
    FAILED = strawberry.enum_value("FAILED", description="The run failed. The next one continues where it ended.")
    ABANDONED = strawberry.enum_value(
        "ABANDONED", description="The process of the run ended. The next run continues where it ended."
    )


@strawberry.enum(description="Phase of a run.")
class DirectorySyncPhase(Enum):
    WAITING = strawberry.enum_value("WAITING", description="Waiting for a service to start the run.")
    CONNECTING = strawberry.enum_value("CONNECTING", description="Signing in to a domain controller.")
    INVENTORY = strawberry.enum_value("INVENTORY", description="Comparing which objects exist.")
    DELETIONS = strawberry.enum_value("DELETIONS", description="Deleting contacts that are gone.")
    CONTACTS = strawberry.enum_value("CONTACTS", description="Reading and writing contacts.")
    MANAGERS = strawberry.enum_value("MANAGERS", description="Linking managers that were read after their reports.")
    GROUPS = strawberry.enum_value("GROUPS", description="Reading and writing groups and memberships.")
    DONE = strawberry.enum_value("DONE", description="The run has ended.")


@strawberry.enum(description="Why a run reads all objects, not only those that changed.")
class DirectorySyncFullReason(Enum):
    FIRST_CYCLE = strawberry.enum_value("FIRST_CYCLE", description="It is the first run.")
    OTHER_DATABASE = strawberry.enum_value(
        "OTHER_DATABASE", description="The domain controller or its database is not the one of the last run."
    )
    REQUESTED = strawberry.enum_value("REQUESTED", description="An administrator requested it.")
    ROLLED_BACK = strawberry.enum_value(
        "ROLLED_BACK", description="The domain controller was rolled back to an older state."
    )


@strawberry.type(description="Why a run stopped or failed.")
class DirectorySyncFailure:
    code: str = strawberry.field(description="What is wrong, for programs, such as `CREDENTIALS_REJECTED`.")
    message: str = strawberry.field(description="What is wrong and what to do, for administrators.")


@strawberry.type(description="An object of Active Directory that a run skipped.")
class DirectorySyncSkip:
    object_guid: strawberry.ID | None = strawberry.field(description="objectGUID, null if the sync cannot read it.")
    distinguished_name: str = strawberry.field(description="Distinguished name.")
    code: str = strawberry.field(
        description="Why it was skipped, for programs: `EMAIL_ADDRESS_TAKEN`, `INVALID`, `NO_ADDRESS`, "
        "`CONFLICT_OBJECT`, …"
    )
    message: str = strawberry.field(description="Why it was skipped and what to do, for administrators.")
    holder_id: strawberry.ID | None = strawberry.field(
        description="ID of the contact or group that has the object's email address, null if that is not the reason."
    )


@strawberry.type(description="What a run would change in a contact or distribution group.")
class DirectorySyncDifference:
    object_guid: strawberry.ID = strawberry.field(description="objectGUID.")
    distinguished_name: str = strawberry.field(description="Distinguished name.")
    action: ContactChangeAction = strawberry.field(description="What would happen.")
    contact_id: strawberry.ID | None = strawberry.field(description="ID of the contact, null if it is new or a group.")
    group_id: strawberry.ID | None = strawberry.field(description="ID of the group, null if it is new or a contact.")
    changes: list[FieldChange] = strawberry.field(
        resolver=field_changes,
        directives=at_most(MOST_CHANGES),
        description="Fields that would change. For a group, `members` contains the distinguished names of members that "
        "would be removed and added, at most 1,000 each.",
    )


def _skips(info: Info, root: Document, first: First = 50, after: After = None) -> Listing:
    return _details(info, root, "skips", first, after)


def _differences(info: Info, root: Document, first: First = 50, after: After = None) -> Listing:
    return _details(info, root, "differences", first, after)


def _details(info: Info, root: Document, kind: sync_runs.Kind, first: int | None, after: str | None) -> Listing:
    caller, ordering = info.context.caller, sync_runs.DETAILS[kind]
    window = paging.window(ordering, first, after)
    return Listing(
        ordering,
        lambda wanted: control.list_details(caller, root["_id"], kind, window),
        lambda: control.count_details(caller, root["_id"], kind),
    )


@strawberry.type(description="A run of the sync. Runs are kept for 30 days.")
class DirectorySyncRun:
    id: strawberry.ID = strawberry.field(description="ID of the run. Later runs have greater IDs.")
    status: DirectorySyncStatus = strawberry.field(description="Progress or result of the run.")
    phase: DirectorySyncPhase = strawberry.field(description="Current phase.")
    dry_run: bool = strawberry.field(description="Whether the run only reports what it would change, in `differences`.")
    allow_deletions: bool = strawberry.field(description="Whether the run may delete any number of contacts.")
    full: bool = strawberry.field(description="Whether an administrator requested to read all objects.")
    requested_by: str | None = strawberry.field(description="Who requested the run, null if it was scheduled.")
    server: str | None = strawberry.field(description="The domain controller that the run reads from.")
    full_reason: DirectorySyncFullReason | None = strawberry.field(
        description="Why the run reads all objects, null if it only reads those that changed."
    )
    processed: int = strawberry.field(description="Number of objects that have been read.")
    created: int = strawberry.field(description="Number of contacts created, or restored from the recycle bin.")
    updated: int = strawberry.field(description="Number of contacts changed.")
    deleted: int = strawberry.field(description="Number of contacts moved to the recycle bin.")
    unchanged: int = strawberry.field(description="Number of contacts that already matched Active Directory.")
    skipped: int = strawberry.field(description="Number of objects skipped. `skips` says why.")
    groups_changed: int = strawberry.field(description="Number of distribution groups created, changed or deleted.")
    memberships_changed: int = strawberry.field(description="Number of members added to or removed from groups.")
    seconds: float = strawberry.field(description="Duration, in seconds.")
    ldap_seconds: float = strawberry.field(description="Time spent waiting for the domain controller, in seconds.")
    notes: list[str] = strawberry.field(description="Warnings for administrators that did not stop the run.")
    problem: DirectorySyncFailure | None = strawberry.field(
        description="Why the run stopped or failed, null if it did neither."
    )
    started_at: datetime | None = strawberry.field(description="When the run started, null until then.")
    finished_at: datetime | None = strawberry.field(description="When the run ended, null until then.")
    skips: Listing = strawberry.field(
        resolver=_skips,
        graphql_type=Connection[DirectorySyncSkip],
        directives=page(of_each=True),
        description="Objects that were skipped, and why. Incomplete until the run ends.",
    )
    differences: Listing = strawberry.field(
        resolver=_differences,
        graphql_type=Connection[DirectorySyncDifference],
        directives=page(of_each=True),
        description="What a dry run would change. Empty for other runs.",
    )


@strawberry.type(description="Progress of the current run.")
class DirectorySyncProgress:
    phase: DirectorySyncPhase = strawberry.field(description="Current phase.")
    processed: int = strawberry.field(description="Number of objects that have been read.")
    run: DirectorySyncRun = strawberry.field(resolver=lambda root: root, description="The run.")


def _runs(info: Info, first: First = 50, after: After = None) -> Listing:
    caller = info.context.caller
    window = paging.window(sync_runs.LATEST_FIRST, first, after)
    return Listing(
        sync_runs.LATEST_FIRST,
        lambda wanted: control.list_runs(caller, window),
        lambda: control.count_runs(caller),
    )


@strawberry.type(description="The sync with on-premises Active Directory.")
class DirectorySync:
    enabled: bool = strawberry.field(description="Whether a service syncs, by default every 30 minutes.")
    server: str | None = strawberry.field(description="Name of the directory to sync from, null if there is none.")
    last_run: DirectorySyncRun | None = strawberry.field(description="The last run that ended, null if there is none.")
    next_run_at: datetime | None = strawberry.field(description="When the next run is due, null if none is scheduled.")
    running: DirectorySyncProgress | None = strawberry.field(description="The current run, null if there is none.")
    runs: Listing = strawberry.field(
        resolver=_runs,
        graphql_type=Connection[DirectorySyncRun],
        directives=page(),
        description="All runs, latest first.",
    )


async def directory_sync(info: Info) -> control.SyncStatus:
    """The binding of `Query.directorySync`."""
    return await control.status(info.context.caller)
