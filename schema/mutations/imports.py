"""What is done with imports: start, cancel and undo them."""

from collections.abc import AsyncGenerator
from typing import Annotated, Protocol, TypeAlias, cast

import strawberry
from strawberry import Maybe
from strawberry.file_uploads import Upload

from resolvers.errors import InvalidRequest
from resolvers.imports import jobs
from resolvers.imports.jobs import Options
from schema.context import Info
from schema.documents import as_type
from schema.types.contact_import import ContactImport, ImportErrorPolicy, ImportMatch
from schema.types.inputs import CreateContactInput, PostalAddressInput, fields
from schema.types.problems import ImportNotUndoable, ImportUnreadable, NotFound
from storage.documents import Document
from storage.fields import described

WAIT_SECONDS = 5.0
"""An import that is done so soon is answered when it is done."""
_PIECE = 1 << 18


@strawberry.input(description="A row to import: what is left out stays as it is, null clears what can be empty.")
class ImportRowInput:
    email_address: str = strawberry.field(description="The address that the row is found by, or a new contact's.")
    first_name: Maybe[str | None] = strawberry.field(description="First name, which a new contact needs.")
    last_name: Maybe[str | None] = strawberry.field(description="Last name, which a new contact needs.")
    display_name: Maybe[str | None] = strawberry.field(description="Display name, which a new contact needs.")
    aliases: Maybe[list[str] | None] = strawberry.field(description="Further addresses. Replaces them all.")
    company: Maybe[str | None] = strawberry.field(description=described("company"))
    job_title: Maybe[str | None] = strawberry.field(description=described("jobTitle"))
    department: Maybe[str | None] = strawberry.field(description=described("department"))
    business_phone: Maybe[str | None] = strawberry.field(description=described("businessPhone"))
    mobile_phone: Maybe[str | None] = strawberry.field(description=described("mobilePhone"))
    address: Maybe[PostalAddressInput | None] = strawberry.field(description="Postal address.")
    manager: Maybe[str | None] = strawberry.field(
        description="Address of its manager: a contact that exists, or any row of the import."
    )
    manager_id: Maybe[strawberry.ID | None] = strawberry.field(description="Id of its manager, instead.")
    groups: Maybe[list[str] | None] = strawberry.field(
        description="Names or addresses of its groups. Replaces them all."
    )
    notes: Maybe[str | None] = strawberry.field(description=described("notes"))
    show_in_gal: Maybe[bool | None] = strawberry.field(
        description="Whether the Global Address List shows it. Null means true."
    )


@strawberry.input(one_of=True, description="What to import: exactly one of these.")
class ImportSource:
    file: Upload | None = strawberry.field(
        default=strawberry.UNSET, description="A CSV file (GraphQL multipart request), of any encoding and delimiter."
    )
    text: str | None = strawberry.field(default=strawberry.UNSET, description="The text of a CSV file.")
    contacts: list[CreateContactInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="New contacts. Of those that exist, what is left out or null stays as it is, and so does whether "
        "the Global Address List shows them, unless `showInGal` is false. `rows` can say more.",
    )
    rows: list[ImportRowInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Rows like those of a file: what is left out is like a blank cell, null is like `[clear]`.",
    )


@strawberry.input(description="Which of our columns a column of the file is.")
class ImportColumn:
    header: str = strawberry.field(description="Its name in the file.")
    column: str = strawberry.field(description="Our name, such as `EmailAddress`; empty: do not read it.")


@strawberry.input(description="What to import and how.")
class ImportContactsInput:
    source: ImportSource = strawberry.field(description="A file, its text, contacts, or rows.")
    dry_run: bool = strawberry.field(default=False, description="Only tell what would become of each row.")
    on_match: ImportMatch = strawberry.field(
        default=ImportMatch.SKIP, description="What to do with rows whose address exists."
    )
    error_policy: ImportErrorPolicy = strawberry.field(
        default=ImportErrorPolicy.SKIP_FAILED_ROWS, description="What refused rows do to the others."
    )
    columns: list[ImportColumn] | None = strawberry.field(
        default=None, description="Columns that are not recognised by their names, or wrongly."
    )
    encoding: str | None = strawberry.field(
        default=None,
        description="The file's encoding, if it is not told rightly: `utf-8`, `utf-16-le`, `utf-16-be` or "
        "`windows-1252`, in any case.",
    )
    delimiter: str | None = strawberry.field(
        default=None,
        description="The file's delimiter, if it is not told rightly: itself, or `comma`, `semicolon`, `tab` or `bar`.",
    )


@strawberry.type(description="The import has begun, or is done already.")
class ImportContactsSuccess:
    contact_import: ContactImport = strawberry.field(description="The import. Small ones are finished.")


@strawberry.type(description="The import stops, or had ended before.")
class CancelImportSuccess:
    contact_import: ContactImport = strawberry.field(description="The import.")


@strawberry.type(description="The import is being undone, or is so already.")
class UndoImportSuccess:
    contact_import: ContactImport = strawberry.field(
        description="The import. Contacts that were changed since are among its problems."
    )


ImportContactsResult: TypeAlias = Annotated[
    ImportContactsSuccess | ImportUnreadable,
    strawberry.union("ImportContactsResult", description="The import, or why there is none."),
]
CancelImportResult: TypeAlias = Annotated[
    CancelImportSuccess | NotFound,
    strawberry.union("CancelImportResult", description="The import, or why it is not cancelled."),
]
UndoImportResult: TypeAlias = Annotated[
    UndoImportSuccess | ImportNotUndoable | NotFound,
    strawberry.union("UndoImportResult", description="The import, or why it is not undone."),
]
ImportId = Annotated[strawberry.ID, strawberry.argument(description="Id of the import.")]


class _File(Protocol):
    """An uploaded file, as the form's parser gives it."""

    filename: str | None

    async def read(self, size: int = -1, /) -> bytes: ...


async def import_contacts(
    info: Info, input: Annotated[ImportContactsInput, strawberry.argument(description="What to import and how.")]
) -> ImportContactsResult:
    """The binding of `Mutation.importContacts`."""
    caller, source = info.context.caller, input.source
    options = Options(
        dry_run=input.dry_run,
        on_match=input.on_match.name,  # type: ignore[arg-type]  # the enum has just these names
        error_policy=input.error_policy.name,  # type: ignore[arg-type]  # as above
        columns={each.header: each.column for each in input.columns or ()},
        encoding=input.encoding,
        delimiter=input.delimiter,
        file_name=cast("_File", source.file).filename if source.file else None,
    )
    if (rows := _rows(source)) is not None:
        job, scanned = await jobs.start_rows(caller, rows, options)
    else:
        job, scanned = await jobs.start_csv(caller, _pieces(source), options)
    info.context.imports.start(job, scanned)
    return ImportContactsSuccess(contact_import=await _soon(info, job))


async def cancel_import(info: Info, id: ImportId) -> CancelImportResult:
    """The binding of `Mutation.cancelImport`."""
    job = await jobs.cancel(info.context.caller, id)
    return CancelImportSuccess(contact_import=await _soon(info, job))


async def undo_import(info: Info, id: ImportId) -> UndoImportResult:
    """The binding of `Mutation.undoImport`."""
    job = await jobs.undo(info.context.caller, id)
    info.context.imports.start(job)
    return UndoImportSuccess(contact_import=await _soon(info, job))


async def _soon(info: Info, job: Document) -> ContactImport:
    return as_type(ContactImport, await info.context.imports.wait(job["_id"], WAIT_SECONDS) or job)


def _rows(source: ImportSource) -> list[dict[str, object]] | None:
    """The rows of a source that is no file."""
    if isinstance(source.rows, list):
        return [fields(each) for each in source.rows]
    if not isinstance(source.contacts, list):
        return None
    found = [fields(each) for each in source.contacts]
    # True is what the schema puts where nothing is said, and what a new contact gets anyway.
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
            raise InvalidRequest("The text has half of a surrogate pair, which no file can have.") from None
