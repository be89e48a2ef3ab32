"""What administrators do with the sync: start it, and take contacts out of it."""

from typing import Annotated, TypeAlias

import strawberry

from resolvers.sync import cloud_only, control
from resolvers.sync.request import SyncRequest
from schema.context import Info
from schema.documents import as_type
from schema.types.contact import Contact
from schema.types.directory_sync import DirectorySyncRun
from schema.types.problems import InvalidInput, Problem, SyncAlreadyRunning, SyncNotConfigured, problem


@strawberry.type(description="The sync was asked for.")
class StartDirectorySyncSuccess:
    run: DirectorySyncRun = strawberry.field(description="Its run, which begins within seconds.")


@strawberry.type(description="Why a contact was not made a cloud-only one with the others.")
class HandOverRefusal:
    id: strawberry.ID = strawberry.field(description="Id of the contact.")
    problem: Problem = strawberry.field(description="Why it stays as it is.")


@strawberry.type(description="The contacts are mastered in the cloud now, and the sync leaves them alone.")
class MakeCloudOnlySuccess:
    contacts: list[Contact] = strawberry.field(description="The contacts as they are now.")
    refusals: list[HandOverRefusal] = strawberry.field(description="Those that were not synced, and why.")


StartDirectorySyncResult: TypeAlias = Annotated[
    StartDirectorySyncSuccess | SyncNotConfigured | SyncAlreadyRunning,
    strawberry.union("StartDirectorySyncResult", description="The run that will be, or why there is none."),
]
MakeCloudOnlyResult: TypeAlias = Annotated[
    MakeCloudOnlySuccess | InvalidInput,
    strawberry.union("MakeCloudOnlyResult", description="The contacts taken over, or why none was."),
]


async def start_directory_sync(
    info: Info,
    dry_run: Annotated[
        bool, strawberry.argument(description="Only tell what would change, in the run's `differences`.")
    ] = False,
    allow_deletions: Annotated[
        bool, strawberry.argument(description="Delete what is gone from Active Directory, however many contacts.")
    ] = False,
    full: Annotated[
        bool, strawberry.argument(description="Read everything, not only what changed. What is equal costs no write.")
    ] = False,
) -> StartDirectorySyncResult:
    """The binding of `Mutation.startDirectorySync`."""
    run = await control.start(info.context.caller, SyncRequest(dry_run, allow_deletions, full))
    return StartDirectorySyncSuccess(run=as_type(DirectorySyncRun, run))


async def make_cloud_only(
    info: Info,
    ids: Annotated[list[strawberry.ID], strawberry.argument(description="Ids of synced contacts, 1,000 at most.")],
) -> MakeCloudOnlyResult:
    """The binding of `Mutation.makeCloudOnly`."""
    outcome = await cloud_only.make_cloud_only(info.context.caller, ids)
    return MakeCloudOnlySuccess(
        contacts=[as_type(Contact, each) for each in outcome.contacts],
        refusals=[
            HandOverRefusal(id=strawberry.ID(each), problem=problem(why)) for each, why in outcome.problems.items()
        ],
    )
