"""What can be changed. Each answers a union: the success, or a problem to act upon."""

from typing import Annotated

import strawberry

from resolvers import contacts, groups
from schema.contact import Contact
from schema.context import Info
from schema.documents import as_type
from schema.group import DistributionGroup
from schema.import_mutations import (
    CancelImportResult,
    ImportContactsResult,
    UndoImportResult,
    cancel_import,
    import_contacts,
    undo_import,
)
from schema.inputs import CreateContactInput, CreateGroupInput, UpdateContactInput, UpdateGroupInput, fields
from schema.problems import problem
from schema.results import (
    ChangeMembershipResult,
    ChangeMembershipSuccess,
    CreateContactResult,
    CreateContactSuccess,
    CreateGroupResult,
    CreateGroupSuccess,
    DeleteContactResult,
    DeleteContactsResult,
    DeleteContactsSuccess,
    DeleteContactSuccess,
    DeleteGroupResult,
    DeleteGroupSuccess,
    DeletionRefusal,
    RestoreContactResult,
    RestoreContactSuccess,
    UpdateContactResult,
    UpdateContactSuccess,
    UpdateGroupResult,
    UpdateGroupSuccess,
)
from schema.sync_mutations import (
    MakeCloudOnlyResult,
    StartDirectorySyncResult,
    make_cloud_only,
    start_directory_sync,
)

ContactId = Annotated[strawberry.ID, strawberry.argument(description="Id of the contact.")]
GroupId = Annotated[strawberry.ID, strawberry.argument(description="Id of the group.")]
ContactIds = Annotated[list[strawberry.ID], strawberry.argument(description="Ids of contacts, 1,000 at most.")]
ExpectedVersion = Annotated[int | None, strawberry.argument(description="Refuse unless the contact has this version.")]


async def _create_contact(
    info: Info,
    input: Annotated[CreateContactInput, strawberry.argument(description="The new contact.")],
) -> CreateContactResult:
    contact = await contacts.create_contact(info.context.directory, fields(input))
    return CreateContactSuccess(contact=as_type(Contact, contact))


async def _update_contact(
    info: Info,
    input: Annotated[UpdateContactInput, strawberry.argument(description="What to change.")],
) -> UpdateContactResult:
    contact = await contacts.update_contact(info.context.directory, input.id, fields(input), input.expected_version)
    return UpdateContactSuccess(contact=as_type(Contact, contact))


async def _delete_contact(info: Info, id: ContactId, expected_version: ExpectedVersion = None) -> DeleteContactResult:
    await contacts.delete_contact(info.context.directory, id, expected_version)
    return DeleteContactSuccess(id=id)


async def _restore_contact(info: Info, id: ContactId) -> RestoreContactResult:
    contact = await contacts.restore_contact(info.context.directory, id)
    return RestoreContactSuccess(contact=as_type(Contact, contact))


async def _delete_contacts(info: Info, ids: ContactIds) -> DeleteContactsResult:
    outcome = await contacts.delete_contacts(info.context.directory, ids)
    return DeleteContactsSuccess(
        deleted_ids=[strawberry.ID(each) for each in outcome.deleted],
        refusals=[
            DeletionRefusal(id=strawberry.ID(each), problem=problem(why)) for each, why in outcome.problems.items()
        ],
    )


async def _create_group(
    info: Info,
    input: Annotated[CreateGroupInput, strawberry.argument(description="The new group.")],
) -> CreateGroupResult:
    group = await groups.create_group(info.context.directory, fields(input))
    return CreateGroupSuccess(group=as_type(DistributionGroup, group))


async def _update_group(
    info: Info,
    input: Annotated[UpdateGroupInput, strawberry.argument(description="What to change.")],
) -> UpdateGroupResult:
    group = await groups.update_group(info.context.directory, input.id, fields(input), input.expected_version)
    return UpdateGroupSuccess(group=as_type(DistributionGroup, group))


async def _delete_group(info: Info, id: GroupId) -> DeleteGroupResult:
    await groups.delete_group(info.context.directory, id)
    return DeleteGroupSuccess(id=id)


async def _add_contacts_to_group(info: Info, group_id: GroupId, contact_ids: ContactIds) -> ChangeMembershipResult:
    return _membership(await groups.add_contacts(info.context.directory, group_id, contact_ids))


async def _remove_contacts_from_group(info: Info, group_id: GroupId, contact_ids: ContactIds) -> ChangeMembershipResult:
    return _membership(await groups.remove_contacts(info.context.directory, group_id, contact_ids))


def _membership(outcome: groups.Membership) -> ChangeMembershipSuccess:
    return ChangeMembershipSuccess(
        group=as_type(DistributionGroup, outcome.group),
        changed=outcome.changed,
        unknown_ids=[strawberry.ID(each) for each in outcome.unknown_ids],
    )


@strawberry.type(
    description="What can be changed. Every change is durable, and seen by every read, when it is answered."
)
class Mutation:
    create_contact: CreateContactResult = strawberry.field(
        resolver=_create_contact, description="Create a cloud-only contact."
    )
    update_contact: UpdateContactResult = strawberry.field(
        resolver=_update_contact, description="Change a cloud-only contact."
    )
    delete_contact: DeleteContactResult = strawberry.field(
        resolver=_delete_contact,
        description="Move a cloud-only contact to the recycle bin. Its addresses are free at once.",
    )
    restore_contact: RestoreContactResult = strawberry.field(
        resolver=_restore_contact,
        description="Bring a contact back from the recycle bin, with its groups, its manager and its reports.",
    )
    delete_contacts: DeleteContactsResult = strawberry.field(
        resolver=_delete_contacts, description="Move many cloud-only contacts to the recycle bin at once."
    )
    import_contacts: ImportContactsResult = strawberry.field(
        resolver=import_contacts,
        description="Import a CSV file, its text, or contacts. A large import goes on after the answer.",
    )
    cancel_import: CancelImportResult = strawberry.field(
        resolver=cancel_import,
        description="Stop an import. It keeps what it did, or nothing under `REJECT_ALL`.",
    )
    undo_import: UndoImportResult = strawberry.field(
        resolver=undo_import,
        description="Take an import back: delete what it created, give what it updated its old values.",
    )
    create_group: CreateGroupResult = strawberry.field(
        resolver=_create_group, description="Create a distribution group."
    )
    update_group: UpdateGroupResult = strawberry.field(
        resolver=_update_group, description="Rename a distribution group, or change its address or description."
    )
    delete_group: DeleteGroupResult = strawberry.field(
        resolver=_delete_group, description="Delete a distribution group. Its members stay contacts."
    )
    add_contacts_to_group: ChangeMembershipResult = strawberry.field(
        resolver=_add_contacts_to_group,
        description="Make contacts members of a group, synced ones too. Safe to repeat.",
    )
    remove_contacts_from_group: ChangeMembershipResult = strawberry.field(
        resolver=_remove_contacts_from_group,
        description="Make contacts members of a group no more, synced ones too. Safe to repeat.",
    )
    start_directory_sync: StartDirectorySyncResult = strawberry.field(
        resolver=start_directory_sync,
        description="Sync with Active Directory now, or show what it would change. For administrators.",
    )
    make_cloud_only: MakeCloudOnlyResult = strawberry.field(
        resolver=make_cloud_only,
        description="Take over synced contacts for good: from now on they are edited here. For administrators.",
    )
