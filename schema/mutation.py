"""What can be changed. Each answers a union: the success, or a problem to act upon."""

import strawberry

from schema.mutations import contacts, groups, imports, sync
from schema.mutations.imports import CancelImportResult, ImportContactsResult, UndoImportResult
from schema.mutations.sync import MakeCloudOnlyResult, StartDirectorySyncResult
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


@strawberry.type(
    description="What can be changed. Every change is durable, and seen by every read, when it is answered."
)
class Mutation:
    create_contact: CreateContactResult = strawberry.field(
        resolver=contacts.create_contact, description="Create a cloud-only contact."
    )
    update_contact: UpdateContactResult = strawberry.field(
        resolver=contacts.update_contact, description="Change a cloud-only contact."
    )
    delete_contact: DeleteContactResult = strawberry.field(
        resolver=contacts.delete_contact,
        description="Move a cloud-only contact to the recycle bin. Its addresses are free at once.",
    )
    restore_contact: RestoreContactResult = strawberry.field(
        resolver=contacts.restore_contact,
        description="Bring a contact back from the recycle bin, with its groups, its manager and its reports.",
    )
    delete_contacts: DeleteContactsResult = strawberry.field(
        resolver=contacts.delete_contacts, description="Move many cloud-only contacts to the recycle bin at once."
    )
    import_contacts: ImportContactsResult = strawberry.field(
        resolver=imports.import_contacts,
        description="Import a CSV file, its text, or contacts. A large import goes on after the answer.",
    )
    cancel_import: CancelImportResult = strawberry.field(
        resolver=imports.cancel_import,
        description="Stop an import. It keeps what it did, or nothing under `REJECT_ALL`.",
    )
    undo_import: UndoImportResult = strawberry.field(
        resolver=imports.undo_import,
        description="Take an import back: delete what it created, give what it updated its old values.",
    )
    create_group: CreateGroupResult = strawberry.field(
        resolver=groups.create_group, description="Create a distribution group."
    )
    update_group: UpdateGroupResult = strawberry.field(
        resolver=groups.update_group, description="Rename a distribution group, or change its address or description."
    )
    delete_group: DeleteGroupResult = strawberry.field(
        resolver=groups.delete_group, description="Delete a distribution group. Its members stay contacts."
    )
    add_contacts_to_group: ChangeMembershipResult = strawberry.field(
        resolver=groups.add_contacts_to_group,
        description="Make contacts members of a group, synced ones too. Safe to repeat.",
    )
    remove_contacts_from_group: ChangeMembershipResult = strawberry.field(
        resolver=groups.remove_contacts_from_group,
        description="Make contacts members of a group no more, synced ones too. Safe to repeat.",
    )
    start_directory_sync: StartDirectorySyncResult = strawberry.field(
        resolver=sync.start_directory_sync,
        description="Sync with Active Directory now, or show what it would change. For administrators.",
    )
    make_cloud_only: MakeCloudOnlyResult = strawberry.field(
        resolver=sync.make_cloud_only,
        description="Take over synced contacts for good: from now on they are edited here. For administrators.",
    )
