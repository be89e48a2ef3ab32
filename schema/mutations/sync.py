"""The mutations of the sync, for administrators: start it, and make contacts cloud-only."""

from typing import Annotated, TypeAlias

import strawberry

from resolvers.sync import cloud_only, control
from resolvers.sync.request import SyncRequest
from schema.context import Info
from schema.documents import as_type
from schema.mutations.idempotency import IdempotencyKey, caller
from schema.types.contact import Contact
from schema.types.directory_sync import DirectorySyncRun
from schema.types.problems import InvalidInput, Problem, SyncAlreadyRunning, SyncNotConfigured, problem


@strawberry.type(description="The sync is queued.")
class StartDirectorySyncSuccess:
    run: DirectorySyncRun = strawberry.field(description="The run, which starts within seconds.")


@strawberry.type(description="Why a contact was not made cloud-only.")
class HandOverRefusal:
    id: strawberry.ID = strawberry.field(description="ID of the contact.")
    problem: Problem = strawberry.field(description="Why it was not made cloud-only.")


@strawberry.type(description="The contacts are cloud-only now, and the sync no longer changes them.")
class MakeCloudOnlySuccess:
    contacts: list[Contact] = strawberry.field(description="The cloud-only contacts.")
    refusals: list[HandOverRefusal] = strawberry.field(description="Contacts that were not made cloud-only, and why.")


StartDirectorySyncResult: TypeAlias = Annotated[
    StartDirectorySyncSuccess | SyncNotConfigured | SyncAlreadyRunning,
    strawberry.union("StartDirectorySyncResult", description="The queued run, or why there is none."),
]
MakeCloudOnlyResult: TypeAlias = Annotated[
    MakeCloudOnlySuccess | InvalidInput,
    strawberry.union("MakeCloudOnlyResult", description="The contacts made cloud-only, or why there are none."),
]


async def start_directory_sync(
    info: Info,
    dry_run: Annotated[
        bool,
        strawberry.argument(description="Report what would change, in the run's `differences`, without changing it."),
    ] = False,
    allow_deletions: Annotated[
        bool,
        strawberry.argument(
            description="Delete all contacts that are gone from Active Directory, even if they are many."
        ),
    ] = False,
    full: Annotated[
        bool,
        strawberry.argument(
            description="Read all objects, not only those that changed. Unchanged ones are not written."
        ),
    ] = False,
    idempotency_key: IdempotencyKey = None,
) -> StartDirectorySyncResult:
    """The binding of `Mutation.startDirectorySync`."""
    run = await control.start(caller(info, idempotency_key), SyncRequest(dry_run, allow_deletions, full))
    return StartDirectorySyncSuccess(run=as_type(DirectorySyncRun, run))


async def make_cloud_only(
    info: Info,
    ids: Annotated[list[strawberry.ID], strawberry.argument(description="IDs of up to 1,000 synced contacts.")],
    idempotency_key: IdempotencyKey = None,
) -> MakeCloudOnlyResult:
    """The binding of `Mutation.makeCloudOnly`."""
    outcome = await cloud_only.make_cloud_only(caller(info, idempotency_key), ids)
    return MakeCloudOnlySuccess(
        contacts=[as_type(Contact, each) for each in outcome.contacts],
        refusals=[
            HandOverRefusal(id=strawberry.ID(each), problem=problem(why)) for each, why in outcome.problems.items()
        ],
    )
