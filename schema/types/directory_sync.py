"""The sync with on-premises Active Directory: its state and its runs."""

from datetime import datetime
from enum import Enum

import strawberry

from resolvers import paging
from resolvers.sync import control
from schema.context import Info
from schema.types.connections import After, Connection, First, Listing
from schema.types.history import ContactChangeAction, FieldChange, field_changes
from storage.documents import Document
from storage.sync import runs as sync_runs


@strawberry.enum(description="How far a run of the sync has got, or how it ended.")
class DirectorySyncStatus(Enum):
    QUEUED = strawberry.enum_value("QUEUED", description="It was asked for, and begins within seconds.")
    RUNNING = strawberry.enum_value("RUNNING", description="It runs.")
    SUCCEEDED = strawberry.enum_value("SUCCEEDED", description="All that could be synced is.")
    STOPPED = strawberry.enum_value(
        "STOPPED", description="It would delete too many contacts, so it changed nothing and waits for a decision."
    )
    FAILED = strawberry.enum_value("FAILED", description="It could not go on; the next run repeats the rest.")
    ABANDONED = strawberry.enum_value(
        "ABANDONED", description="Its process ended while it ran; another run did the rest, or will."
    )


@strawberry.enum(description="What a run of the sync is doing.")
class DirectorySyncPhase(Enum):
    WAITING = strawberry.enum_value("WAITING", description="It waits for a service to begin.")
    CONNECTING = strawberry.enum_value("CONNECTING", description="It signs in to a domain controller.")
    INVENTORY = strawberry.enum_value("INVENTORY", description="It compares which objects are there.")
    DELETIONS = strawberry.enum_value("DELETIONS", description="It deletes contacts that are gone.")
    CONTACTS = strawberry.enum_value("CONTACTS", description="It reads and writes contacts.")
    MANAGERS = strawberry.enum_value("MANAGERS", description="It links managers that were read after their reports.")
    GROUPS = strawberry.enum_value("GROUPS", description="It reads and writes groups and memberships.")
    DONE = strawberry.enum_value("DONE", description="It has ended.")


@strawberry.enum(description="Why a run read everything.")
class DirectorySyncFullReason(Enum):
    FIRST_CYCLE = strawberry.enum_value("FIRST_CYCLE", description="Nothing was synced before.")
    OTHER_DATABASE = strawberry.enum_value(
        "OTHER_DATABASE", description="The server's database is another one: another server, or a proper restore."
    )
    REQUESTED = strawberry.enum_value("REQUESTED", description="It was asked to.")
    ROLLED_BACK = strawberry.enum_value("ROLLED_BACK", description="The server was put back to an older state.")


@strawberry.type(description="Why a run stopped or failed.")
class DirectorySyncFailure:
    code: str = strawberry.field(description="The kind of failure, for programs, such as `CREDENTIALS_REJECTED`.")
    message: str = strawberry.field(description="What is wrong and what to do, for administrators.")


@strawberry.type(description="An object of Active Directory that a run left as it is.")
class DirectorySyncSkip:
    object_guid: strawberry.ID | None = strawberry.field(description="Its objectGUID, if the sync may read it.")
    distinguished_name: str = strawberry.field(description="Its distinguished name.")
    code: str = strawberry.field(
        description="Why, for programs: `EMAIL_ADDRESS_TAKEN`, `INVALID`, `NO_ADDRESS`, `CONFLICT_OBJECT`, …"
    )
    message: str = strawberry.field(description="Why and what to do, for administrators.")
    holder_id: strawberry.ID | None = strawberry.field(description="Who has the address that it asks for.")


@strawberry.type(description="What a run would change of one contact or distribution group.")
class DirectorySyncDifference:
    object_guid: strawberry.ID = strawberry.field(description="Its objectGUID.")
    distinguished_name: str = strawberry.field(description="Its distinguished name.")
    action: ContactChangeAction = strawberry.field(description="What would happen.")
    contact_id: strawberry.ID | None = strawberry.field(description="The contact that it is; null if it is new.")
    group_id: strawberry.ID | None = strawberry.field(description="The group that it is; null if it is new.")
    changes: list[FieldChange] = strawberry.field(
        resolver=field_changes,
        description="The fields, by name. `members` of a group are those who leave and who join, of many the first "
        "thousand, by distinguished name.",
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


@strawberry.type(description="One run of the sync, kept for 30 days.")
class DirectorySyncRun:
    id: strawberry.ID = strawberry.field(description="Identifier of the run; later runs have greater ones.")
    status: DirectorySyncStatus = strawberry.field(description="How far it has got, or how it ended.")
    phase: DirectorySyncPhase = strawberry.field(description="What it is doing.")
    dry_run: bool = strawberry.field(description="Whether it only tells what it would change, in `differences`.")
    allow_deletions: bool = strawberry.field(description="Whether it may delete however many contacts.")
    full: bool = strawberry.field(description="Whether it was asked to read everything.")
    requested_by: str | None = strawberry.field(description="Who asked for it; null if it was due.")
    server: str | None = strawberry.field(description="The domain controller it reads.")
    full_reason: DirectorySyncFullReason | None = strawberry.field(
        description="Why it reads everything; null if it reads only what changed."
    )
    processed: int = strawberry.field(description="How many objects it has read.")
    created: int = strawberry.field(description="Contacts created, or brought back from the recycle bin.")
    updated: int = strawberry.field(description="Contacts changed.")
    deleted: int = strawberry.field(description="Contacts moved to the recycle bin.")
    unchanged: int = strawberry.field(description="Contacts that are in Active Directory as they are here.")
    skipped: int = strawberry.field(description="Objects left as they are; `skips` tells why.")
    groups_changed: int = strawberry.field(description="Distribution groups created, changed or deleted.")
    memberships_changed: int = strawberry.field(description="Contacts that became members of a group, or ceased to be.")
    seconds: float = strawberry.field(description="How long it takes, in seconds.")
    ldap_seconds: float = strawberry.field(description="How long of that it waits for the domain controller.")
    notes: list[str] = strawberry.field(description="What an administrator should know, though it went on.")
    problem: DirectorySyncFailure | None = strawberry.field(description="Why it stopped or failed.")
    started_at: datetime | None = strawberry.field(description="When it began; null while it waits.")
    finished_at: datetime | None = strawberry.field(description="When it ended; null while it runs.")
    skips: Listing = strawberry.field(
        resolver=_skips,
        graphql_type=Connection[DirectorySyncSkip],
        description="What it left as it is, and why. Until it ends, some may be missing.",
    )
    differences: Listing = strawberry.field(
        resolver=_differences,
        graphql_type=Connection[DirectorySyncDifference],
        description="What a dry run would change, object by object and field by field; empty for others.",
    )


@strawberry.type(description="How far the present run is.")
class DirectorySyncProgress:
    phase: DirectorySyncPhase = strawberry.field(description="What it is doing.")
    processed: int = strawberry.field(description="How many objects it has read.")
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
    enabled: bool = strawberry.field(description="Whether a service syncs, every 30 minutes unless set otherwise.")
    server: str | None = strawberry.field(description="The directory it syncs from; null if there is none.")
    last_run: DirectorySyncRun | None = strawberry.field(description="The run that ended last.")
    next_run_at: datetime | None = strawberry.field(description="When the next run is due; null if none is.")
    running: DirectorySyncProgress | None = strawberry.field(description="The run that goes on; null if none does.")
    runs: Listing = strawberry.field(
        resolver=_runs, graphql_type=Connection[DirectorySyncRun], description="All runs, the latest first."
    )


async def directory_sync(info: Info) -> control.SyncStatus:
    """The binding of `Query.directorySync`."""
    return await control.status(info.context.caller)
