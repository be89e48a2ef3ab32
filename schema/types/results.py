"""The results of mutations: unions of success and expected problems."""

from typing import Annotated, TypeAlias

import strawberry

from schema.types.contact import Contact
from schema.types.group import DistributionGroup
from schema.types.problems import (
    ContactReadOnly,
    EmailAddressTaken,
    GroupReadOnly,
    GroupVersionConflict,
    InvalidInput,
    ManagerCycle,
    NotFound,
    Problem,
    VersionConflict,
)


@strawberry.type(description="The contact was created.")
class CreateContactSuccess:
    contact: Contact = strawberry.field(description="The new contact.")


@strawberry.type(description="The contact was updated, or already had these values.")
class UpdateContactSuccess:
    contact: Contact = strawberry.field(description="The updated contact.")


@strawberry.type(description="The contact was moved to the recycle bin, where it can be restored for 30 days.")
class DeleteContactSuccess:
    id: strawberry.ID = strawberry.field(description="ID of the contact, for `restoreContact`.")


@strawberry.type(description="The contact was restored.")
class RestoreContactSuccess:
    contact: Contact = strawberry.field(description="The contact, with its groups, its manager and its direct reports.")


@strawberry.type(description="Why a contact was not deleted.")
class DeletionRefusal:
    id: strawberry.ID = strawberry.field(description="ID of the contact.")
    problem: Problem = strawberry.field(description="Why it was not deleted.")


@strawberry.type(description="All contacts that can be deleted were moved to the recycle bin.")
class DeleteContactsSuccess:
    deleted_ids: list[strawberry.ID] = strawberry.field(description="IDs of the contacts that were deleted.")
    refusals: list[DeletionRefusal] = strawberry.field(description="Contacts that were not deleted, and why.")


@strawberry.type(description="The group was created.")
class CreateGroupSuccess:
    group: DistributionGroup = strawberry.field(description="The new group, without members.")


@strawberry.type(description="The group was updated, or already had these values.")
class UpdateGroupSuccess:
    group: DistributionGroup = strawberry.field(description="The updated group.")


@strawberry.type(description="The group was deleted. Its members were not.")
class DeleteGroupSuccess:
    id: strawberry.ID = strawberry.field(description="ID of the deleted group.")


@strawberry.type(description="The members were added or removed, or already were.")
class ChangeMembershipSuccess:
    group: DistributionGroup = strawberry.field(description="The group, with its new member count.")
    changed: int = strawberry.field(description="Number of members added or removed.")
    unknown_ids: list[strawberry.ID] = strawberry.field(description="IDs in the request that no contact has.")


CreateContactResult: TypeAlias = Annotated[
    CreateContactSuccess | InvalidInput | EmailAddressTaken | NotFound,
    strawberry.union("CreateContactResult", description="The new contact, or why it was not created."),
]
UpdateContactResult: TypeAlias = Annotated[
    UpdateContactSuccess
    | InvalidInput
    | EmailAddressTaken
    | ContactReadOnly
    | VersionConflict
    | NotFound
    | ManagerCycle,
    strawberry.union("UpdateContactResult", description="The updated contact, or why it was not updated."),
]
DeleteContactResult: TypeAlias = Annotated[
    DeleteContactSuccess | ContactReadOnly | VersionConflict | NotFound,
    strawberry.union("DeleteContactResult", description="The ID of the deleted contact, or why it was not deleted."),
]
RestoreContactResult: TypeAlias = Annotated[
    RestoreContactSuccess | EmailAddressTaken | ContactReadOnly | NotFound,
    strawberry.union("RestoreContactResult", description="The restored contact, or why it was not restored."),
]
DeleteContactsResult: TypeAlias = Annotated[
    DeleteContactsSuccess | InvalidInput,
    strawberry.union("DeleteContactsResult", description="Which contacts were deleted, or why none were."),
]
CreateGroupResult: TypeAlias = Annotated[
    CreateGroupSuccess | InvalidInput | EmailAddressTaken,
    strawberry.union("CreateGroupResult", description="The new group, or why it was not created."),
]
UpdateGroupResult: TypeAlias = Annotated[
    UpdateGroupSuccess | InvalidInput | EmailAddressTaken | GroupReadOnly | GroupVersionConflict | NotFound,
    strawberry.union("UpdateGroupResult", description="The updated group, or why it was not updated."),
]
DeleteGroupResult: TypeAlias = Annotated[
    DeleteGroupSuccess | GroupReadOnly | NotFound,
    strawberry.union("DeleteGroupResult", description="The ID of the deleted group, or why it was not deleted."),
]
ChangeMembershipResult: TypeAlias = Annotated[
    ChangeMembershipSuccess | InvalidInput | GroupReadOnly | NotFound,
    strawberry.union("ChangeMembershipResult", description="The changed group, or why it was not changed."),
]
