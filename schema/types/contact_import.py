"""The import of contacts."""

from datetime import datetime
from enum import Enum

import strawberry

from resolvers import paging
from resolvers.imports import jobs
from schema.context import Info
from schema.types.connections import After, Connection, First, Listing
from schema.types.cost import at_most, page, weighs
from schema.types.history import MOST_CHANGES
from schema.types.node import Node
from storage import imports
from storage.documents import Document


@strawberry.enum(description="What to do with a row whose address is the primary address or an alias of a contact.")
class ImportMatch(Enum):
    SKIP = strawberry.enum_value("SKIP", description="Leave the contact as it is.")
    UPDATE = strawberry.enum_value(
        "UPDATE", description="Update the contact. A blank cell keeps the value; `[clear]` clears it."
    )
    FAIL = strawberry.enum_value("FAIL", description="Reject the row.")


@strawberry.enum(description="What to do with the other rows if some are invalid.")
class ImportErrorPolicy(Enum):
    SKIP_FAILED_ROWS = strawberry.enum_value("SKIP_FAILED_ROWS", description="Import the other rows.")
    REJECT_ALL = strawberry.enum_value("REJECT_ALL", description="Import nothing unless every row is valid.")


@strawberry.enum(description="Progress or result of an import.")
class ImportStatus(Enum):
    QUEUED = strawberry.enum_value("QUEUED", description="The import, or its undo, has not started yet.")
    RUNNING = strawberry.enum_value("RUNNING", description="The import, or its undo, is running.")
    SUCCEEDED = strawberry.enum_value("SUCCEEDED", description="All rows were processed. Some may have failed.")
    FAILED = strawberry.enum_value("FAILED", description="The import failed. `message` says why.")
    CANCELLED = strawberry.enum_value("CANCELLED", description="The import was canceled.")
    UNDONE = strawberry.enum_value("UNDONE", description="The import was undone.")


@strawberry.enum(description="Phase of an import.")
class ImportPhase(Enum):
    PREVIEW = strawberry.enum_value("PREVIEW", description="Checking all rows, without writing anything.")
    WRITE = strawberry.enum_value("WRITE", description="Writing rows, batch by batch.")
    ROLL_BACK = strawberry.enum_value(
        "ROLL_BACK", description="Undoing what was written, because not all rows can be imported."
    )
    UNDO = strawberry.enum_value("UNDO", description="Undoing the import on request.")


@strawberry.enum(description="Outcome of a row. In a dry run, what the outcome would be.")
class ImportAction(Enum):
    CREATED = strawberry.enum_value("CREATED", description="The row created a contact.")
    UPDATED = strawberry.enum_value("UPDATED", description="The row changed a contact.")
    UNCHANGED = strawberry.enum_value("UNCHANGED", description="The contact already had the same values.")
    SKIPPED = strawberry.enum_value("SKIPPED", description="The contact already exists and was left as it is.")
    FAILED = strawberry.enum_value("FAILED", description="The row could not be imported. `problems` says why.")


@strawberry.type(description="Why a row could not be imported.")
class ImportProblem:
    row: int = strawberry.field(description="Number of the row, starting at 1 after the header.")
    line: int | None = strawberry.field(description="Line of the file on which the row starts.")
    column: str | None = strawberry.field(description="The column, null if the problem concerns the whole row.")
    code: str = strawberry.field(
        description="What is wrong, for programs: a `ProblemCode`, a code of `FieldProblem`, `DUPLICATE_ROW`, "
        "`ALREADY_EXISTS`, `MANAGER_NOT_FOUND`, `GROUP_NOT_FOUND`, `AMBIGUOUS_GROUP`, `TOO_MANY_CELLS`, `ENCODING` "
        "or, after an undo, `CHANGED_SINCE`."
    )
    message: str = strawberry.field(description="What is wrong and what to do, for people.")
    value: str | None = strawberry.field(description="The invalid value, shortened if it is long.")


@strawberry.type(directives=weighs(0.1), description="A change of a contact's field by a row, as text.")
class ImportFieldChange:
    field: str = strawberry.field(
        description="Name of the field, such as `company` or `address.city`. A `manager` is given by email address, "
        "`groups` by name."
    )
    before: str | None = strawberry.field(description="The old value, null if there was none.")
    after: str | None = strawberry.field(description="The new value, null if the field is cleared.")


def _row_address(root: Document) -> str | None:
    return root.get("emailAddress")


def _row_changes(root: Document) -> list[Document]:
    return list(root.get("fields", ()))


@strawberry.type(description="Outcome of a row. In a dry run, what the outcome would be.")
class ImportOutcome:
    row: int = strawberry.field(description="Number of the row, starting at 1 after the header.")
    line: int | None = strawberry.field(description="Line of the file on which the row starts.")
    action: ImportAction = strawberry.field(description="What happened to the row.")
    contact_id: strawberry.ID | None = strawberry.field(description="ID of the contact, null if there is none.")
    email_address: str | None = strawberry.field(
        resolver=_row_address, description="Email address in the row, normalized for comparison. Only for a dry run."
    )
    changes: list[Document] = strawberry.field(
        resolver=_row_changes,
        graphql_type=list[ImportFieldChange],
        directives=at_most(MOST_CHANGES),
        description="Fields of an existing contact that the row would change. Only for a dry run.",
    )


def _problems(info: Info, root: Document, first: First = 50, after: After = None) -> Listing:
    caller, window = info.context.caller, paging.window(imports.PROBLEMS, first, after)
    return Listing(
        imports.PROBLEMS,
        lambda wanted: jobs.list_problems(caller, root["_id"], window),
        lambda: jobs.count_problems(caller, root["_id"]),
    )


def _outcomes(info: Info, root: Document, first: First = 50, after: After = None) -> Listing:
    caller, window = info.context.caller, paging.window(imports.OUTCOMES, first, after)

    async def count() -> int:
        return int(root["processed"])

    return Listing(imports.OUTCOMES, lambda wanted: jobs.list_outcomes(caller, root["_id"], window), count)


@strawberry.type(
    description="An import of contacts. It runs in the background, continues after a restart, and is kept for 30 days."
)
class ContactImport(Node):
    status: ImportStatus = strawberry.field(description="Progress or result of the import.")
    phase: ImportPhase = strawberry.field(description="Current or last phase.")
    dry_run: bool = strawberry.field(description="Whether the import only reports what it would do.")
    on_match: ImportMatch = strawberry.field(description="What to do with rows whose contact already exists.")
    error_policy: ImportErrorPolicy = strawberry.field(
        description="What to do with the other rows if some are invalid."
    )
    file_name: str | None = strawberry.field(description="Name of the file, null if unknown.")
    rows: int = strawberry.field(description="Number of rows, without the header and blank lines.")
    processed: int = strawberry.field(
        description="Number of rows that have been processed. If the error policy is `REJECT_ALL`, first those of the "
        "phase `PREVIEW`, then, starting again, those of `WRITE`."
    )
    created: int = strawberry.field(description="Number of rows that created a contact.")
    updated: int = strawberry.field(description="Number of rows that changed a contact.")
    unchanged: int = strawberry.field(description="Number of rows whose contact already had the same values.")
    skipped: int = strawberry.field(
        description="Number of rows that were skipped because their contact already exists."
    )
    failed: int = strawberry.field(
        description="Number of rows that could not be imported. To get them as a file, use the REST API."
    )
    undone: int = strawberry.field(description="Number of contacts that were deleted or restored by an undo.")
    not_undone: int = strawberry.field(
        description="Number of contacts that an undo left alone, because they have been changed since."
    )
    encoding: str | None = strawberry.field(
        description="Encoding of the file, as given or detected, null if there is no file."
    )
    delimiter: str | None = strawberry.field(
        description="Delimiter of the file, as given or detected, null if there is no file."
    )
    columns: list[str] = strawberry.field(description="Header of the file.")
    unknown_columns: list[str] = strawberry.field(description="Columns that were ignored.")
    message: str | None = strawberry.field(
        description="Why the import ended as it did, null if there is nothing to explain."
    )
    problems: Listing = strawberry.field(
        resolver=_problems,
        graphql_type=Connection[ImportProblem],
        directives=page(of_each=True),
        description="Why rows could not be imported, in the order of the rows.",
    )
    outcomes: Listing = strawberry.field(
        resolver=_outcomes,
        graphql_type=Connection[ImportOutcome],
        directives=page(of_each=True),
        description="Outcome of each row, in the order in which they were processed: a row whose manager is a later "
        "row is processed after that row.",
    )
    started_at: datetime | None = strawberry.field(description="When the import was started.")
    finished_at: datetime | None = strawberry.field(description="When the import ended, null until then.")

    @classmethod
    def is_type_of(cls, obj: object, info: object) -> bool:
        """Whether the object is an import document."""
        return isinstance(obj, dict) and "errorPolicy" in obj


def import_list(info: Info, first: int | None, after: str | None) -> Listing:
    """The list of all imports."""
    caller, window = info.context.caller, paging.window(imports.LATEST_FIRST, first, after)
    return Listing(
        imports.LATEST_FIRST,
        lambda wanted: jobs.list_imports(caller, window),
        lambda: jobs.count_imports(caller),
    )
