"""The mutations of contacts."""

from typing import Annotated

import strawberry

from resolvers import contacts
from schema.context import Info
from schema.documents import as_type
from schema.mutations.idempotency import IdempotencyKey, caller
from schema.types.contact import Contact
from schema.types.inputs import CreateContactInput, UpdateContactInput, fields
from schema.types.problems import problem
from schema.types.results import (
    CreateContactResult,
    CreateContactSuccess,
    DeleteContactResult,
    DeleteContactsResult,
    DeleteContactsSuccess,
    DeleteContactSuccess,
    DeletionRefusal,
    RestoreContactResult,
    RestoreContactSuccess,
    UpdateContactResult,
    UpdateContactSuccess,
)

ContactId = Annotated[strawberry.ID, strawberry.argument(description="ID of the contact.")]
ContactIds = Annotated[list[strawberry.ID], strawberry.argument(description="IDs of up to 1,000 contacts.")]
ExpectedVersion = Annotated[
    int | None, strawberry.argument(description="Fail with a `VersionConflict` unless the contact has this version.")
]


async def create_contact(
    info: Info,
    input: Annotated[CreateContactInput, strawberry.argument(description="The new contact.")],
    idempotency_key: IdempotencyKey = None,
) -> CreateContactResult:
    contact = await contacts.create_contact(caller(info, idempotency_key), fields(input))
    return CreateContactSuccess(contact=as_type(Contact, contact))


async def update_contact(
    info: Info,
    input: Annotated[UpdateContactInput, strawberry.argument(description="The fields to change.")],
    idempotency_key: IdempotencyKey = None,
) -> UpdateContactResult:
    contact = await contacts.update_contact(
        caller(info, idempotency_key), input.id, fields(input), input.expected_version
    )
    return UpdateContactSuccess(contact=as_type(Contact, contact))


async def delete_contact(
    info: Info, id: ContactId, expected_version: ExpectedVersion = None, idempotency_key: IdempotencyKey = None
) -> DeleteContactResult:
    await contacts.delete_contact(caller(info, idempotency_key), id, expected_version)
    return DeleteContactSuccess(id=id)


async def restore_contact(info: Info, id: ContactId, idempotency_key: IdempotencyKey = None) -> RestoreContactResult:
    contact = await contacts.restore_contact(caller(info, idempotency_key), id)
    return RestoreContactSuccess(contact=as_type(Contact, contact))


async def delete_contacts(info: Info, ids: ContactIds, idempotency_key: IdempotencyKey = None) -> DeleteContactsResult:
    outcome = await contacts.delete_contacts(caller(info, idempotency_key), ids)
    return DeleteContactsSuccess(
        deleted_ids=[strawberry.ID(each) for each in outcome.deleted],
        refusals=[
            DeletionRefusal(id=strawberry.ID(each), problem=problem(why)) for each, why in outcome.problems.items()
        ],
    )
