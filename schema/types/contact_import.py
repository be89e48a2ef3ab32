"""Imports as GraphQL shows them."""

from datetime import datetime
from enum import Enum

import strawberry

from resolvers import paging
from resolvers.imports import jobs
from schema.context import Info
from schema.types.connections import After, Connection, First, Listing
from schema.types.node import Node
from storage import imports
from storage.documents import Document


@strawberry.enum(description="What to do with a row whose address a contact has, as its primary address or an alias.")
class ImportMatch(Enum):
    SKIP = strawberry.enum_value("SKIP", description="Leave the contact as it is.")
    UPDATE = strawberry.enum_value(
        "UPDATE", description="Give it the row's values. Blank cells say nothing; `[clear]` empties a field."
    )
    FAIL = strawberry.enum_value("FAIL", description="Refuse the row.")


@strawberry.enum(description="What refused rows do to the others.")
class ImportErrorPolicy(Enum):
    SKIP_FAILED_ROWS = strawberry.enum_value("SKIP_FAILED_ROWS", description="Nothing: the others are imported.")
    REJECT_ALL = strawberry.enum_value("REJECT_ALL", description="Nothing is written unless every row is good.")


@strawberry.enum(description="How far an import is, or how it ended.")
class ImportStatus(Enum):
    QUEUED = strawberry.enum_value("QUEUED", description="It has not begun, or waits to be undone.")
    RUNNING = strawberry.enum_value("RUNNING", description="It is at work.")
    SUCCEEDED = strawberry.enum_value("SUCCEEDED", description="All rows are decided; some may have been refused.")
    FAILED = strawberry.enum_value("FAILED", description="It stopped; `message` says why.")
    CANCELLED = strawberry.enum_value("CANCELLED", description="Someone cancelled it.")
    UNDONE = strawberry.enum_value("UNDONE", description="It was taken back.")


@strawberry.enum(description="What an import does.")
class ImportPhase(Enum):
    PREVIEW = strawberry.enum_value("PREVIEW", description="Nothing is written: it checks every row.")
    WRITE = strawberry.enum_value("WRITE", description="Rows are written, batch by batch.")
    ROLL_BACK = strawberry.enum_value("ROLL_BACK", description="It takes back what it wrote, as not all rows can be.")
    UNDO = strawberry.enum_value("UNDO", description="It is being undone, as someone asked.")


@strawberry.enum(description="What became, or in a dry run would become, of a row.")
class ImportAction(Enum):
    CREATED = strawberry.enum_value("CREATED", description="A new contact.")
    UPDATED = strawberry.enum_value("UPDATED", description="It changed a contact.")
    UNCHANGED = strawberry.enum_value("UNCHANGED", description="Its contact is as it says already.")
    SKIPPED = strawberry.enum_value("SKIPPED", description="Its contact exists, and is left alone.")
    FAILED = strawberry.enum_value("FAILED", description="It was refused; `problems` says why.")


@strawberry.type(description="What is wrong with a row.")
class ImportProblem:
    row: int = strawberry.field(description="Which row: 1 is the first after the header.")
    line: int | None = strawberry.field(description="The line of the file that the row starts on.")
    column: str | None = strawberry.field(description="The column; null if it is the row as a whole.")
    code: str = strawberry.field(
        description="What is wrong: a `ProblemCode`, a code of `FieldProblem`, or one of `DUPLICATE_ROW`, "
        "`ALREADY_EXISTS`, `MANAGER_NOT_FOUND`, `GROUP_NOT_FOUND`, `AMBIGUOUS_GROUP`, `TOO_MANY_CELLS`, `ENCODING` "
        "and, of an undo, `CHANGED_SINCE`."
    )
    message: str = strawberry.field(description="What is wrong and what to do, for people.")
    value: str | None = strawberry.field(description="The value that is refused, shortened if it is long.")


@strawberry.type(description="What a row changes of a contact, as text.")
class ImportFieldChange:
    field: str = strawberry.field(
        description="The field, such as `company` or `address.city`; `manager` is told by address, `groups` by name."
    )
    before: str | None = strawberry.field(description="Its value before; null if it was empty.")
    after: str | None = strawberry.field(description="Its value after; null if it is cleared.")


def _row_address(root: Document) -> str | None:
    return root.get("emailAddress")


def _row_changes(root: Document) -> list[Document]:
    return list(root.get("fields", ()))


@strawberry.type(description="What became, or in a dry run would become, of one row.")
class ImportOutcome:
    row: int = strawberry.field(description="Which row: 1 is the first after the header.")
    line: int | None = strawberry.field(description="The line of the file that the row starts on.")
    action: ImportAction = strawberry.field(description="What became of it.")
    contact_id: strawberry.ID | None = strawberry.field(description="The contact, if there is one.")
    email_address: str | None = strawberry.field(
        resolver=_row_address, description="The row's address, as it is compared; told of a dry run only."
    )
    changes: list[Document] = strawberry.field(
        resolver=_row_changes,
        graphql_type=list[ImportFieldChange],
        description="What the row would change of an existing contact; told of a dry run only.",
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


@strawberry.type(description="An import of contacts: a job that goes on whatever happens, and is kept for 30 days.")
class ContactImport(Node):
    status: ImportStatus = strawberry.field(description="How far it is, or how it ended.")
    phase: ImportPhase = strawberry.field(description="What it does, or did last.")
    dry_run: bool = strawberry.field(description="Whether it only tells what it would do.")
    on_match: ImportMatch = strawberry.field(description="What it does with rows whose address exists.")
    error_policy: ImportErrorPolicy = strawberry.field(description="What refused rows do to the others.")
    file_name: str | None = strawberry.field(description="Name of the file, if it has one.")
    rows: int = strawberry.field(description="How many rows there are, the header and blank lines aside.")
    processed: int = strawberry.field(
        description="How many rows are decided; under `REJECT_ALL` those of the phase `PREVIEW`, then of `WRITE` anew."
    )
    created: int = strawberry.field(description="How many rows became new contacts.")
    updated: int = strawberry.field(description="How many rows changed a contact.")
    unchanged: int = strawberry.field(description="How many rows met a contact that is as they say already.")
    skipped: int = strawberry.field(description="How many rows met a contact that was left alone.")
    failed: int = strawberry.field(description="How many rows were refused; they can be fetched as a file over REST.")
    undone: int = strawberry.field(description="How many contacts an undo put back.")
    not_undone: int = strawberry.field(description="How many contacts an undo left alone, as they were changed since.")
    encoding: str | None = strawberry.field(description="The file's encoding, as it was told; null for contacts.")
    delimiter: str | None = strawberry.field(description="The file's delimiter, as it was told; null for contacts.")
    columns: list[str] = strawberry.field(description="The file's header.")
    unknown_columns: list[str] = strawberry.field(description="Those columns that nothing is read from.")
    message: str | None = strawberry.field(description="Why it ended as it did, where there is something to say.")
    problems: Listing = strawberry.field(
        resolver=_problems, graphql_type=Connection[ImportProblem], description="What is wrong with rows, by row."
    )
    outcomes: Listing = strawberry.field(
        resolver=_outcomes,
        graphql_type=Connection[ImportOutcome],
        description="What became of each row, in the order in which they were decided: a row whose manager is a later "
        "row is decided after that.",
    )
    started_at: datetime | None = strawberry.field(description="When it was made.")
    finished_at: datetime | None = strawberry.field(description="When it ended; null until then.")

    @classmethod
    def is_type_of(cls, obj: object, info: object) -> bool:
        """Whether a document is an import's."""
        return isinstance(obj, dict) and "errorPolicy" in obj


def import_list(info: Info, first: int | None, after: str | None) -> Listing:
    """The list of all imports."""
    caller, window = info.context.caller, paging.window(imports.LATEST_FIRST, first, after)
    return Listing(
        imports.LATEST_FIRST,
        lambda wanted: jobs.list_imports(caller, window),
        lambda: jobs.count_imports(caller),
    )
