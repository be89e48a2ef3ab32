"""The mutations of distribution groups."""

from typing import Annotated

import strawberry

from resolvers import groups
from schema.context import Info
from schema.documents import as_type
from schema.mutations.contacts import (
    ContactIds,
)
from schema.mutations.idempotency import IdempotencyKey, caller
from schema.types.group import DistributionGroup
from schema.types.inputs import CreateGroupInput, UpdateGroupInput, fields
from schema.types.results import (
    ChangeMembershipResult,
    ChangeMembershipSuccess,
    CreateGroupResult,
    CreateGroupSuccess,
    DeleteGroupResult,
    DeleteGroupSuccess,
    UpdateGroupResult,
    UpdateGroupSuccess,
)

GroupId = Annotated[strawberry.ID, strawberry.argument(description="ID of the group.")]


async def create_group(
    info: Info,
    input: Annotated[CreateGroupInput, strawberry.argument(description="The new group.")],
    idempotency_key: IdempotencyKey = None,
) -> CreateGroupResult:
    group = await groups.create_group(caller(info, idempotency_key), fields(input))
    return CreateGroupSuccess(group=as_type(DistributionGroup, group))


async def update_group(
    info: Info,
    input: Annotated[UpdateGroupInput, strawberry.argument(description="The fields to change.")],
    idempotency_key: IdempotencyKey = None,
) -> UpdateGroupResult:
    group = await groups.update_group(caller(info, idempotency_key), input.id, fields(input), input.expected_version)
    return UpdateGroupSuccess(group=as_type(DistributionGroup, group))


async def delete_group(info: Info, id: GroupId, idempotency_key: IdempotencyKey = None) -> DeleteGroupResult:
    await groups.delete_group(caller(info, idempotency_key), id)
    return DeleteGroupSuccess(id=id)


async def add_contacts_to_group(
    info: Info, group_id: GroupId, contact_ids: ContactIds, idempotency_key: IdempotencyKey = None
) -> ChangeMembershipResult:
    return _membership(await groups.add_contacts(caller(info, idempotency_key), group_id, contact_ids))


async def remove_contacts_from_group(
    info: Info, group_id: GroupId, contact_ids: ContactIds, idempotency_key: IdempotencyKey = None
) -> ChangeMembershipResult:
    return _membership(await groups.remove_contacts(caller(info, idempotency_key), group_id, contact_ids))


def _membership(outcome: groups.Membership) -> ChangeMembershipSuccess:
    return ChangeMembershipSuccess(
        group=as_type(DistributionGroup, outcome.group),
        changed=outcome.changed,
        unknown_ids=[strawberry.ID(each) for each in outcome.unknown_ids],
    )
