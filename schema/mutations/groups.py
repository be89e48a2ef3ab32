"""The mutations of distribution groups."""

from typing import Annotated

import strawberry

from resolvers import groups
from schema.context import Info
from schema.documents import as_type
from schema.mutations.contacts import (
    ContactIds,
)
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
) -> CreateGroupResult:
    group = await groups.create_group(info.context.caller, fields(input))
    return CreateGroupSuccess(group=as_type(DistributionGroup, group))


async def update_group(
    info: Info,
    input: Annotated[UpdateGroupInput, strawberry.argument(description="The fields to change.")],
) -> UpdateGroupResult:
    group = await groups.update_group(info.context.caller, input.id, fields(input), input.expected_version)
    return UpdateGroupSuccess(group=as_type(DistributionGroup, group))


async def delete_group(info: Info, id: GroupId) -> DeleteGroupResult:
    await groups.delete_group(info.context.caller, id)
    return DeleteGroupSuccess(id=id)


async def add_contacts_to_group(info: Info, group_id: GroupId, contact_ids: ContactIds) -> ChangeMembershipResult:
    return _membership(await groups.add_contacts(info.context.caller, group_id, contact_ids))


async def remove_contacts_from_group(info: Info, group_id: GroupId, contact_ids: ContactIds) -> ChangeMembershipResult:
    return _membership(await groups.remove_contacts(info.context.caller, group_id, contact_ids))


def _membership(outcome: groups.Membership) -> ChangeMembershipSuccess:
    return ChangeMembershipSuccess(
        group=as_type(DistributionGroup, outcome.group),
        changed=outcome.changed,
        unknown_ids=[strawberry.ID(each) for each in outcome.unknown_ids],
    )
