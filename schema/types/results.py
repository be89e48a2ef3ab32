"""What mutations answer: a union of the success and of the problems that can be expected."""

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


@strawberry.type(description="The contact was updated, or was so already.")
class UpdateContactSuccess:
    contact: Contact = strawberry.field(description="The contact as it is now.")


@strawberry.type(description="The contact was moved to the recycle bin, where it stays for 30 days.")
class DeleteContactSuccess:
    id: strawberry.ID = strawberry.field(description="Id of the contact, for `restoreContact`.")


@strawberry.type(description="The contact is back.")
class RestoreContactSuccess:
    contact: Contact = strawberry.field(description="The contact, with its groups, its manager and its reports.")


@strawberry.type(description="Why a contact was not deleted with the others.")
class DeletionRefusal:
    id: strawberry.ID = strawberry.field(description="Id of the contact.")
    problem: Problem = strawberry.field(description="Why it stays.")


@strawberry.type(description="All that could be deleted were moved to the recycle bin together.")
class DeleteContactsSuccess:
    deleted_ids: list[strawberry.ID] = strawberry.field(description="Ids of the contacts that were deleted.")
    refusals: list[DeletionRefusal] = strawberry.field(description="Those that were not, and why.")


@strawberry.type(description="The group was created.")
class CreateGroupSuccess:
    group: DistributionGroup = strawberry.field(description="The new group, without members.")


@strawberry.type(description="The group was updated, or was so already.")
class UpdateGroupSuccess:
    group: DistributionGroup = strawberry.field(description="The group as it is now.")


@strawberry.type(description="The group was deleted; its members stay contacts.")
class DeleteGroupSuccess:
    id: strawberry.ID = strawberry.field(description="Id of the group that was.")


@strawberry.type(description="The members are as asked for; those that were so already stay so.")
class ChangeMembershipSuccess:
    group: DistributionGroup = strawberry.field(description="The group with its new member count.")
    changed: int = strawberry.field(description="How many contacts became members, or ceased to be.")
    unknown_ids: list[strawberry.ID] = strawberry.field(description="Those of the given ids that no contact has.")


CreateContactResult: TypeAlias = Annotated[
    CreateContactSuccess | InvalidInput | EmailAddressTaken | NotFound,
    strawberry.union("CreateContactResult", description="The new contact, or why there is none."),
]
UpdateContactResult: TypeAlias = Annotated[
    UpdateContactSuccess
    | InvalidInput
    | EmailAddressTaken
    | ContactReadOnly
    | VersionConflict
    | NotFound
    | ManagerCycle,
    strawberry.union("UpdateContactResult", description="The updated contact, or why it stays as it was."),
]
DeleteContactResult: TypeAlias = Annotated[
    DeleteContactSuccess | ContactReadOnly | VersionConflict | NotFound,
    strawberry.union("DeleteContactResult", description="The id of the deleted contact, or why it stays."),
]
RestoreContactResult: TypeAlias = Annotated[
    RestoreContactSuccess | EmailAddressTaken | ContactReadOnly | NotFound,
    strawberry.union("RestoreContactResult", description="The restored contact, or why it stays deleted."),
]
DeleteContactsResult: TypeAlias = Annotated[
    DeleteContactsSuccess | InvalidInput,
    strawberry.union("DeleteContactsResult", description="What was deleted and what not, or why nothing was."),
]
CreateGroupResult: TypeAlias = Annotated[
    CreateGroupSuccess | InvalidInput | EmailAddressTaken,
    strawberry.union("CreateGroupResult", description="The new group, or why there is none."),
]
UpdateGroupResult: TypeAlias = Annotated[
    UpdateGroupSuccess | InvalidInput | EmailAddressTaken | GroupReadOnly | GroupVersionConflict | NotFound,
    strawberry.union("UpdateGroupResult", description="The updated group, or why it stays as it was."),
]
DeleteGroupResult: TypeAlias = Annotated[
    DeleteGroupSuccess | GroupReadOnly | NotFound,
    strawberry.union("DeleteGroupResult", description="The id of the deleted group, or why it stays."),
]
ChangeMembershipResult: TypeAlias = Annotated[
    ChangeMembershipSuccess | InvalidInput | GroupReadOnly | NotFound,
    strawberry.union("ChangeMembershipResult", description="The group with its new members, or why it has none."),
]
