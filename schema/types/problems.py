"""Expected errors as GraphQL data: one type for each error of `resolvers.errors`, and the mapping between them."""

from enum import Enum

import strawberry
from strawberry.types.field import StrawberryField

from resolvers import errors
from schema.context import Info
from schema.documents import as_type
from schema.types.contact import Contact
from schema.types.cost import at_most, weighs
from schema.types.group import DistributionGroup
from schema.types.node import Node


@strawberry.enum(description="What kind of problem occurred.")
class ProblemCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="Some values are invalid. The problem lists them.")
    EMAIL_ADDRESS_TAKEN = strawberry.enum_value(
        "EMAIL_ADDRESS_TAKEN", description="An email address belongs to another contact or group."
    )
    CONTACT_READ_ONLY = strawberry.enum_value(
        "CONTACT_READ_ONLY", description="The contact is synced. Edit it in on-premises Active Directory."
    )
    GROUP_READ_ONLY = strawberry.enum_value(
        "GROUP_READ_ONLY",
        description="The group is synced. Edit it and its members in on-premises Active Directory.",
    )
    VERSION_CONFLICT = strawberry.enum_value(
        "VERSION_CONFLICT", description="The contact or group does not have the expected version."
    )
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="There is no object with this ID.")
    MANAGER_CYCLE = strawberry.enum_value(
        "MANAGER_CYCLE", description="The contact would be its own manager, directly or indirectly."
    )
    SYNC_NOT_CONFIGURED = strawberry.enum_value(
        "SYNC_NOT_CONFIGURED", description="The sync with Active Directory is not configured."
    )
    SYNC_ALREADY_RUNNING = strawberry.enum_value(
        "SYNC_ALREADY_RUNNING", description="A sync is already running or queued."
    )
    IMPORT_UNREADABLE = strawberry.enum_value(
        "IMPORT_UNREADABLE", description="The upload is not a CSV file with the necessary columns."
    )
    IMPORT_NOT_UNDOABLE = strawberry.enum_value(
        "IMPORT_NOT_UNDOABLE", description="The import has changed nothing, is running, or has already been undone."
    )


@strawberry.interface(description="An expected error, returned as data.")
class Problem:
    code: ProblemCode = strawberry.field(description="What is wrong, for programs.")
    message: str = strawberry.field(description="What is wrong and what to do, for people.")


@strawberry.type(directives=weighs(0.1), description="What is wrong with one value.")
class FieldProblem:
    field: str = strawberry.field(description="Path of the input field, such as `address.city` or `aliases[0]`.")
    code: str = strawberry.field(
        description="`REQUIRED`, `TOO_LONG`, `TOO_MANY`, `SYNTAX`, `WRONG_TYPE`, `UNKNOWN_FIELD`, `READ_ONLY` "
        "or `DUPLICATE`."
    )
    message: str = strawberry.field(description="What is wrong and what to do, for people.")


@strawberry.type(description="Some values are invalid. Nothing was changed.")
class InvalidInput(Problem):
    fields: list[FieldProblem] = strawberry.field(directives=at_most(250), description="All invalid values.")


@strawberry.type(description="An email address belongs to another contact or group. Nothing was changed.")
class EmailAddressTaken(Problem):
    email_address: str = strawberry.field(description="The address that is taken.")
    holder: Node | None = strawberry.field(description="The contact or group that has the address.")


@strawberry.type(description="The contact is synced from on-premises Active Directory. Nothing was changed.")
class ContactReadOnly(Problem):
    contact: Contact = strawberry.field(description="The synced contact.")


@strawberry.type(description="The group is synced from on-premises Active Directory. Nothing was changed.")
class GroupReadOnly(Problem):
    group: DistributionGroup = strawberry.field(description="The synced group.")


@strawberry.type(description="The sync with Active Directory is not configured.")
class SyncNotConfigured(Problem):
    pass


@strawberry.type(description="A sync is already running or queued.")
class SyncAlreadyRunning(Problem):
    pass


@strawberry.type(description="The contact does not have the expected version. Nothing was changed.")
class VersionConflict(Problem):
    current: Contact = strawberry.field(description="The contact in its current state.")


@strawberry.type(description="The group does not have the expected version. Nothing was changed.")
class GroupVersionConflict(Problem):
    current: DistributionGroup = strawberry.field(description="The group in its current state.")


@strawberry.type(description="There is no object with this ID. Nothing was changed.")
class NotFound(Problem):
    id: strawberry.ID = strawberry.field(description="The unknown ID.")
    field: str | None = strawberry.field(
        description="The input field with the ID, such as `managerId`. Null for the object of the operation itself."
    )


@strawberry.type(description="The contact would be its own manager. Nothing was changed.")
class ManagerCycle(Problem):
    chain: list[Contact] = strawberry.field(
        directives=at_most(100), description="The contacts in the cycle, from one manager to the next."
    )


@strawberry.type(description="The upload is not a table of contacts that can be imported. Nothing was changed.")
class ImportUnreadable(Problem):
    line: int | None = strawberry.field(description="Line of the problem, null if it concerns the whole file.")


@strawberry.type(description="The import has changed nothing, is running, or has already been undone.")
class ImportNotUndoable(Problem):
    pass


def problem(error: errors.Problem) -> Problem:
    """The GraphQL object for an error. Raises the error itself if it is not one of those returned as data."""
    if error.code not in ProblemCode.__members__:
        raise error
    code, message = ProblemCode(error.code), error.message
    match error:
        case errors.InvalidInput():
            found = [FieldProblem(field=each.field, code=each.code, message=each.message) for each in error.fields]
            return InvalidInput(code=code, message=message, fields=found)
        case errors.EmailAddressTaken():
            holder = as_type(Node, error.holder)
            return EmailAddressTaken(code=code, message=message, email_address=error.address, holder=holder)
        case errors.ContactReadOnly():
            return ContactReadOnly(code=code, message=message, contact=as_type(Contact, error.contact))
        case errors.GroupReadOnly():
            return GroupReadOnly(code=code, message=message, group=as_type(DistributionGroup, error.group))
        case errors.SyncNotConfigured():
            return SyncNotConfigured(code=code, message=message)
        case errors.SyncAlreadyRunning():
            return SyncAlreadyRunning(code=code, message=message)
        case errors.ImportUnreadable():
            return ImportUnreadable(code=code, message=message, line=error.line)
        case errors.ImportNotUndoable():
            return ImportNotUndoable(code=code, message=message)
        case errors.VersionConflict() if "memberCount" in error.current:
            group = as_type(DistributionGroup, error.current)
            return GroupVersionConflict(code=code, message=message, current=group)
        case errors.VersionConflict():
            return VersionConflict(code=code, message=message, current=as_type(Contact, error.current))
        case errors.NotFound():
            return NotFound(code=code, message=message, id=strawberry.ID(error.id), field=error.field)
        case errors.ManagerCycle():
            return ManagerCycle(code=code, message=message, chain=[as_type(Contact, each) for each in error.chain])
        case _:
            raise error


class _Handler(strawberry.ExceptionHandler):  # type: ignore[type-arg] # each instance names its own two types
    """Converts an error raised by a resolver to a member of the field's union, if it has that member."""

    def __init__(self, exception_type: type[errors.Problem], error_type: type[Problem]) -> None:
        self.exception_type = exception_type
        self.error_type = error_type

    def handle(self, exception: errors.Problem, *, field: StrawberryField, info: Info) -> Problem:
        return problem(exception)


HANDLERS = [
    _Handler(errors.InvalidInput, InvalidInput),
    _Handler(errors.EmailAddressTaken, EmailAddressTaken),
    _Handler(errors.ContactReadOnly, ContactReadOnly),
    _Handler(errors.GroupReadOnly, GroupReadOnly),
    _Handler(errors.SyncNotConfigured, SyncNotConfigured),
    _Handler(errors.SyncAlreadyRunning, SyncAlreadyRunning),
    _Handler(errors.ImportUnreadable, ImportUnreadable),
    _Handler(errors.ImportNotUndoable, ImportNotUndoable),
    _Handler(errors.VersionConflict, VersionConflict),
    _Handler(errors.VersionConflict, GroupVersionConflict),
    _Handler(errors.NotFound, NotFound),
    _Handler(errors.ManagerCycle, ManagerCycle),
]
