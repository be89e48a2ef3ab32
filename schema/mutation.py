"""The mutations. Each returns a union: the success, or a problem."""

import strawberry

from resolvers.contacts import MAX_BULK
from schema.mutations import contacts, groups, imports, sync
from schema.mutations.imports import CancelImportResult, ImportContactsResult, UndoImportResult
from schema.mutations.sync import MakeCloudOnlyResult, StartDirectorySyncResult
from schema.types.cost import as_many_as, weighs
from schema.types.results import (
    ChangeMembershipResult,
    CreateContactResult,
    CreateGroupResult,
    DeleteContactResult,
    DeleteContactsResult,
    DeleteGroupResult,
    RestoreContactResult,
    UpdateContactResult,
    UpdateGroupResult,
)


@strawberry.type(description="All changes. When a mutation returns, its change is durable and visible to every read.")
class Mutation:
    create_contact: CreateContactResult = strawberry.field(
        resolver=contacts.create_contact, directives=weighs(10), description="Create a cloud-only contact."
    )
    update_contact: UpdateContactResult = strawberry.field(
        resolver=contacts.update_contact, directives=weighs(10), description="Change a cloud-only contact."
    )
    delete_contact: DeleteContactResult = strawberry.field(
        resolver=contacts.delete_contact,
        directives=weighs(10),
        description="Move a cloud-only contact to the recycle bin. Its addresses can be reused immediately.",
    )
    restore_contact: RestoreContactResult = strawberry.field(
        resolver=contacts.restore_contact,
        directives=weighs(10),
        description="Restore a contact from the recycle bin, with its groups, its manager and its direct reports.",
    )
    delete_contacts: DeleteContactsResult = strawberry.field(
        resolver=contacts.delete_contacts,
        directives=[*weighs(10), *as_many_as("ids", MAX_BULK, "refusals")],
        description="Move several cloud-only contacts to the recycle bin at once.",
    )
    import_contacts: ImportContactsResult = strawberry.field(
        resolver=imports.import_contacts,
        directives=weighs(10),
        description="Import contacts from a CSV file, text or objects. A large import continues in the background.",
    )
    cancel_import: CancelImportResult = strawberry.field(
        resolver=imports.cancel_import,
        directives=weighs(10),
        description="Cancel an import. Rows already imported are kept, unless its error policy is `REJECT_ALL`.",
    )
    undo_import: UndoImportResult = strawberry.field(
        resolver=imports.undo_import,
        directives=weighs(10),
        description="Undo an import: delete the contacts it created, and restore those it updated. Contacts that have "
        "been changed since are left alone.",
    )
    create_group: CreateGroupResult = strawberry.field(
        resolver=groups.create_group, directives=weighs(10), description="Create a distribution group."
    )
    update_group: UpdateGroupResult = strawberry.field(
        resolver=groups.update_group,
        directives=weighs(10),
        description="Change the name, email address or description of a group.",
    )
    delete_group: DeleteGroupResult = strawberry.field(
        resolver=groups.delete_group,
        directives=weighs(10),
        description="Delete a distribution group. Its members are not deleted.",
    )
    add_contacts_to_group: ChangeMembershipResult = strawberry.field(
        resolver=groups.add_contacts_to_group,
        directives=weighs(10),
        description="Add contacts to a group, including synced contacts. Safe to retry.",
    )
    remove_contacts_from_group: ChangeMembershipResult = strawberry.field(
        resolver=groups.remove_contacts_from_group,
        directives=weighs(10),
        description="Remove contacts from a group, including synced contacts. Safe to retry.",
    )
    start_directory_sync: StartDirectorySyncResult = strawberry.field(
        resolver=sync.start_directory_sync,
        directives=weighs(10),
        description="Sync with Active Directory now, or do a dry run. For administrators.",
    )
    make_cloud_only: MakeCloudOnlyResult = strawberry.field(
        resolver=sync.make_cloud_only,
        directives=[*weighs(10), *as_many_as("ids", MAX_BULK, "contacts", "refusals")],
        description="Make synced contacts cloud-only permanently, so that they are edited here. For administrators.",
    )
