"""What can be subscribed to, over a WebSocket."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from resolvers import events, statistics
from resolvers.imports import jobs as import_jobs
from resolvers.sync import control
from schema.context import Info
from schema.types.contact import Contact
from schema.types.contact_import import ContactImport
from schema.types.directory_sync import DirectorySyncRun
from schema.types.history import ContactChange, ContactChangeAction
from schema.types.inputs import ContactFilter, selection
from schema.types.statistics import ContactStats
from storage.documents import Document


@strawberry.type(description="A change of a contact, told as soon as it is durable.")
class ContactChangeEvent:
    action: ContactChangeAction = strawberry.field(description="What happened.")
    contact_id: strawberry.ID = strawberry.field(description="Id of the contact.")
    contact: Contact | None = strawberry.field(
        description="The contact as it is now, at least at the change's version; null once it is deleted."
    )
    change: ContactChange = strawberry.field(description="Who did it, when, through what, and which fields changed.")


async def _contact_changed(
    info: Info,
    filter: Annotated[
        ContactFilter | None,
        strawberry.argument(
            description="Only contacts that fulfil all that is given after the change, or did before their deletion."
        ),
    ] = None,
) -> AsyncGenerator[Document, None]:
    async with aclosing(events.contact_changes(info.context.feed, selection(filter))) as changes:
        async for event in changes:
            change = event.document or {}
            yield {
                "action": change["action"],
                "contactId": change["contactId"],
                "contact": event.contact,
                "change": change,
            }


async def _contact_stats_changed(info: Info) -> AsyncGenerator[statistics.ContactStats, None]:
    async with aclosing(events.stats_changes(info.context.feed, info.context.caller)) as figures:
        async for stats in figures:
            yield stats


async def _import_progress(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the import.")]
) -> AsyncGenerator[Document, None]:
    async with aclosing(import_jobs.progress(info.context.feed, info.context.caller, id)) as jobs:
        async for job in jobs:
            yield job


async def _directory_sync_progress(info: Info) -> AsyncGenerator[Document, None]:
    async with aclosing(control.progress(info.context.feed, info.context.caller)) as runs:
        async for run in runs:
            yield run


@strawberry.type(description="What can be subscribed to, over a WebSocket with the protocol `graphql-transport-ws`.")
class Subscription:
    contact_changed: AsyncGenerator[Document, None] = strawberry.subscription(
        resolver=_contact_changed,
        graphql_type=ContactChangeEvent,
        description="Every change of contacts from now on, by whatever way it was made. A subscriber that cannot keep "
        "up with them gets an error with the code `EVENTS_MISSED`, and should subscribe and read again.",
    )
    contact_stats_changed: AsyncGenerator[statistics.ContactStats, None] = strawberry.subscription(
        resolver=_contact_stats_changed,
        graphql_type=ContactStats,
        description="The figures of the dashboard: now, and whenever they have changed, a few times a second at most.",
    )
    import_progress: AsyncGenerator[Document, None] = strawberry.subscription(
        resolver=_import_progress,
        graphql_type=ContactImport,
        description="An import: now, and whenever it has got further, a few times a second at most, until it ends.",
    )
    directory_sync_progress: AsyncGenerator[Document, None] = strawberry.subscription(
        resolver=_directory_sync_progress,
        graphql_type=DirectorySyncRun,
        description="The present run of the sync, or the last one: now, and whenever it has got further or another "
        "begins, a few times a second at most.",
    )
