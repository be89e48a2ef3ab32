"""The on-premises Active Directory object of a synced contact or group."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from resolvers import mastery
from schema.context import Context
from schema.reads import Batched, Wanted, reads
from storage.documents import Document


@Batched
async def _last_sync_at(context: Context, roots: Sequence[Document], wanted: Wanted) -> Sequence[datetime]:
    states = await mastery.read(context.caller)
    return [mastery.last_sync_at(root, states) for root in roots]


@Batched
async def _next_sync_at(context: Context, roots: Sequence[Document], wanted: Wanted) -> Sequence[datetime | None]:
    states = await mastery.read(context.caller)
    return [mastery.next_sync_at(root, states) for root in roots]


@strawberry.type(description="Identity of a synced contact or group in on-premises Active Directory.")
class OnPremisesIdentity:
    object_guid: strawberry.ID = strawberry.field(description="objectGUID. Never changes.")
    distinguished_name: str = strawberry.field(description="Distinguished name. Edit the object there.")
    domain: str = strawberry.field(description="DNS name of the Active Directory domain.")
    when_changed: datetime | None = strawberry.field(
        description="When the object was last changed, according to the domain controller that it was read from."
    )
    last_sync_at: datetime = strawberry.field(
        resolver=_last_sync_at,
        metadata=reads("domain", "lastSyncAt", "heldBack"),
        description="When the contact or group was last known to match Active Directory.",
    )
    next_sync_at: datetime | None = strawberry.field(
        resolver=_next_sync_at,
        metadata=reads("domain"),
        description="When the next sync is due, null if none is scheduled.",
    )
