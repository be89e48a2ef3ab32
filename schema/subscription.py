"""The subscriptions."""

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


@strawberry.type(description="A change of a contact, sent as soon as it is durable.")
class ContactChangeEvent:
    action: ContactChangeAction = strawberry.field(description="What happened.")
    contact_id: strawberry.ID = strawberry.field(description="ID of the contact.")
    contact: Contact | None = strawberry.field(
        description="The current contact, at the version of the change or a later one; null if it was deleted."
    )
    change: ContactChange = strawberry.field(
        description="Who changed it, when, through which channel, and which fields."
    )


async def _contact_changed(
    info: Info,
    filter: Annotated[
        ContactFilter | None,
        strawberry.argument(
            description="Only contacts that match all conditions after the change or, if deleted, before it."
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
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="ID of the import.")]
) -> AsyncGenerator[Document, None]:
    async with aclosing(import_jobs.progress(info.context.feed, info.context.caller, id)) as jobs:
        async for job in jobs:
            yield job


async def _directory_sync_progress(info: Info) -> AsyncGenerator[Document, None]:
    async with aclosing(control.progress(info.context.feed, info.context.caller)) as runs:
        async for run in runs:
            yield run


@strawberry.type(description="All subscriptions. They use a WebSocket with the protocol `graphql-transport-ws`.")
class Subscription:
    contact_changed: AsyncGenerator[Document, None] = strawberry.subscription(
        resolver=_contact_changed,
        graphql_type=ContactChangeEvent,
        description="Every change of contacts from now on, through any channel. If events are missed, because the "
        "subscriber is too slow, the subscription ends with the error `EVENTS_MISSED`. Resubscribe, then refetch your "
        "data.",
    )
    contact_stats_changed: AsyncGenerator[statistics.ContactStats, None] = strawberry.subscription(
        resolver=_contact_stats_changed,
        graphql_type=ContactStats,
        description="Contact statistics: immediately, and whenever they change, at most a few times per second.",
    )
    import_progress: AsyncGenerator[Document, None] = strawberry.subscription(
        resolver=_import_progress,
        graphql_type=ContactImport,
        description="An import: immediately, and whenever it progresses, at most a few times per second, until it "
        "ends.",
    )
    directory_sync_progress: AsyncGenerator[Document, None] = strawberry.subscription(
        resolver=_directory_sync_progress,
        graphql_type=DirectorySyncRun,
        description="The current or last run of the sync: immediately, and whenever it progresses or another one "
        "starts, at most a few times per second.",
    )
