"""The mutations of imports: start, cancel and undo them."""

from collections.abc import AsyncGenerator
from typing import Annotated, Protocol, TypeAlias, cast

import strawberry
from strawberry import Maybe
from strawberry.file_uploads import Upload

from resolvers.errors import InvalidRequest
from resolvers.imports import jobs
from resolvers.imports.options import Options
from schema.context import Info
from schema.documents import as_type
from schema.mutations.idempotency import IdempotencyKey, caller
from schema.types.contact_import import ContactImport, ImportErrorPolicy, ImportMatch
from schema.types.inputs import CreateContactInput, PostalAddressInput, fields
from schema.types.problems import ImportNotUndoable, ImportUnreadable, NotFound
from storage.documents import Document
from storage.fields import described

WAIT_SECONDS = 5.0
"""How long a mutation waits for an import to finish before it returns."""
_PIECE = 1 << 18


@strawberry.input(description="A row to import. Omitted fields keep their values; null clears an optional field.")
class ImportRowInput:
    email_address: str = strawberry.field(description="Email address of the existing contact, or of the new one.")
    first_name: Maybe[str | None] = strawberry.field(description="First name. Required for a new contact.")
    last_name: Maybe[str | None] = strawberry.field(description="Last name. Required for a new contact.")
    display_name: Maybe[str | None] = strawberry.field(description="Display name. Required for a new contact.")
    aliases: Maybe[list[str] | None] = strawberry.field(description="Additional email addresses. Replaces all.")
    company: Maybe[str | None] = strawberry.field(description=described("company"))
    job_title: Maybe[str | None] = strawberry.field(description=described("jobTitle"))
    department: Maybe[str | None] = strawberry.field(description=described("department"))
    business_phone: Maybe[str | None] = strawberry.field(description=described("businessPhone"))
    mobile_phone: Maybe[str | None] = strawberry.field(description=described("mobilePhone"))
    address: Maybe[PostalAddressInput | None] = strawberry.field(description="Postal address.")
    manager: Maybe[str | None] = strawberry.field(
        description="Email address of the manager: an existing contact, or any row of the import."
    )
    manager_id: Maybe[strawberry.ID | None] = strawberry.field(description="ID of the manager, instead of `manager`.")
    groups: Maybe[list[str] | None] = strawberry.field(
        description="Names or email addresses of the contact's groups. Replaces all."
    )
    notes: Maybe[str | None] = strawberry.field(description=described("notes"))
    show_in_gal: Maybe[bool | None] = strawberry.field(
        description="Whether the Global Address List (GAL) shows the contact. Null means true."
    )


@strawberry.input(one_of=True, description="What to import. Use exactly one field.")
class ImportSource:
    file: Upload | None = strawberry.field(
        default=strawberry.UNSET,
        description="A CSV file (GraphQL multipart request). Encoding and delimiter are detected.",
    )
    text: str | None = strawberry.field(default=strawberry.UNSET, description="The text of a CSV file.")
    contacts: list[CreateContactInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="New contacts. If a contact already exists, omitted fields and null keep its values, and so does "
        "`showInGal` unless it is false. To clear fields, use `rows`.",
    )
    rows: list[ImportRowInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Rows like those of a file: an omitted field is like a blank cell, null is like `[clear]`.",
    )


@strawberry.input(description="Maps a column of the file to one of our columns.")
class ImportColumn:
    header: str = strawberry.field(description="Name of the column in the file.")
    column: str = strawberry.field(description="Our name of the column, such as `EmailAddress`. Empty ignores it.")


@strawberry.input(description="What to import, and how.")
class ImportContactsInput:
    source: ImportSource = strawberry.field(description="What to import: a file, CSV text, contacts, or rows.")
    dry_run: bool = strawberry.field(
        default=False, description="Report what the import would do with each row, without changing anything."
    )
    on_match: ImportMatch = strawberry.field(
        default=ImportMatch.SKIP, description="What to do with rows whose contact already exists."
    )
    error_policy: ImportErrorPolicy = strawberry.field(
        default=ImportErrorPolicy.SKIP_FAILED_ROWS, description="What to do with the other rows if some are invalid."
    )
    columns: list[ImportColumn] | None = strawberry.field(
        default=None, description="Columns that are not detected correctly by their names."
    )
    encoding: str | None = strawberry.field(
        default=None,
        description="Encoding of the file, if it is not detected correctly: `utf-8`, `utf-16-le`, `utf-16-be` or "
        "`windows-1252`, ignoring case.",
    )
    delimiter: str | None = strawberry.field(
        default=None,
        description="Delimiter of the file, if it is not detected correctly: the character itself, or `comma`, "
        "`semicolon`, `tab` or `bar`.",
    )


@strawberry.type(description="The import has started or, if it is small, already finished.")
class ImportContactsSuccess:
    contact_import: ContactImport = strawberry.field(description="The import.")


@strawberry.type(description="The import is being canceled, or had already ended.")
class CancelImportSuccess:
    contact_import: ContactImport = strawberry.field(description="The import.")


@strawberry.type(description="The import is being undone, or has been undone.")
class UndoImportSuccess:
    contact_import: ContactImport = strawberry.field(
        description="The import. Its problems include the contacts that have been changed since."
    )


ImportContactsResult: TypeAlias = Annotated[
    ImportContactsSuccess | ImportUnreadable,
    strawberry.union("ImportContactsResult", description="The import, or why it did not start."),
]
CancelImportResult: TypeAlias = Annotated[
    CancelImportSuccess | NotFound,
    strawberry.union("CancelImportResult", description="The import, or why it was not canceled."),
]
UndoImportResult: TypeAlias = Annotated[
    UndoImportSuccess | ImportNotUndoable | NotFound,
    strawberry.union("UndoImportResult", description="The import, or why it cannot be undone."),
]
ImportId = Annotated[strawberry.ID, strawberry.argument(description="ID of the import.")]


class _File(Protocol):
    """An uploaded file from the form's parser."""

    filename: str | None

    async def read(self, size: int = -1, /) -> bytes: ...


async def import_contacts(
    info: Info,
    input: Annotated[ImportContactsInput, strawberry.argument(description="What to import, and how.")],
    idempotency_key: IdempotencyKey = None,
) -> ImportContactsResult:
    """The binding of `Mutation.importContacts`."""
    source = input.source
    options = Options(
        dry_run=input.dry_run,
        on_match=input.on_match.name,  # type: ignore[arg-type]  # the enum has exactly these names
        error_policy=input.error_policy.name,  # type: ignore[arg-type]  # as above
        columns={each.header: each.column for each in input.columns or ()},
        encoding=input.encoding,
        delimiter=input.delimiter,
        file_name=cast("_File", source.file).filename if source.file else None,
    )
    if (rows := _rows(source)) is not None:
        job, scanned = await jobs.start_rows(caller(info, idempotency_key), rows, options)
    else:
        job, scanned = await jobs.start_csv(caller(info, idempotency_key), _pieces(source), options)
    info.context.imports.start(job, scanned)
    return ImportContactsSuccess(contact_import=await _soon(info, job))


async def cancel_import(info: Info, id: ImportId, idempotency_key: IdempotencyKey = None) -> CancelImportResult:
    """The binding of `Mutation.cancelImport`."""
    job = await jobs.cancel(caller(info, idempotency_key), id)
    return CancelImportSuccess(contact_import=await _soon(info, job))


async def undo_import(info: Info, id: ImportId, idempotency_key: IdempotencyKey = None) -> UndoImportResult:
    """The binding of `Mutation.undoImport`."""
    job = await jobs.undo(caller(info, idempotency_key), id)
    info.context.imports.start(job)
    return UndoImportSuccess(contact_import=await _soon(info, job))


async def _soon(info: Info, job: Document) -> ContactImport:
    return as_type(ContactImport, await info.context.imports.wait(job["_id"], WAIT_SECONDS) or job)


def _rows(source: ImportSource) -> list[dict[str, object]] | None:
    """The rows of a source. None if it is a file or text."""
    if isinstance(source.rows, list):
        return [fields(each) for each in source.rows]
    if not isinstance(source.contacts, list):
        return None
    found = [fields(each) for each in source.contacts]
    # True is the default in the schema, so it may not have been given. A new contact gets it anyway.
    return [{name: value for name, value in row.items() if (name, value) != ("showInGal", True)} for row in found]


async def _pieces(source: ImportSource) -> AsyncGenerator[bytes]:
    if source.file:
        file = cast("_File", source.file)
        while piece := await file.read(_PIECE):
            yield piece
    elif isinstance(source.text, str):
        try:
            yield source.text.encode()
        except UnicodeEncodeError:
            raise InvalidRequest("The text contains half of a surrogate pair. Correct its encoding.") from None
