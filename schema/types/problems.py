"""The refusals as GraphQL data: one type for each error of `resolvers.errors`, and the one place that maps them."""

from enum import Enum

import strawberry
from strawberry.types.field import StrawberryField

from resolvers import errors
from schema.context import Info
from schema.documents import as_type
from schema.types.contact import Contact
from schema.types.group import DistributionGroup
from schema.types.node import Node


@strawberry.enum(description="What kind of refusal a problem is.")
class ProblemCode(Enum):
    INVALID = strawberry.enum_value("INVALID", description="Some values break a rule; the problem names each.")
    EMAIL_ADDRESS_TAKEN = strawberry.enum_value(
        "EMAIL_ADDRESS_TAKEN", description="An e-mail address belongs to another contact or group."
    )
    CONTACT_READ_ONLY = strawberry.enum_value(
        "CONTACT_READ_ONLY", description="The contact is synced: it is edited in on-premises Active Directory."
    )
    GROUP_READ_ONLY = strawberry.enum_value(
        "GROUP_READ_ONLY", description="The group is synced: it and its members are edited in Active Directory."
    )
    VERSION_CONFLICT = strawberry.enum_value(
        "VERSION_CONFLICT", description="Someone else changed it since it was read."
    )
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="Nothing has this id.")
    MANAGER_CYCLE = strawberry.enum_value(
        "MANAGER_CYCLE", description="The contact would be its own manager, directly or through others."
    )
    SYNC_NOT_CONFIGURED = strawberry.enum_value(
        "SYNC_NOT_CONFIGURED", description="No service syncs from an Active Directory."
    )
    SYNC_ALREADY_RUNNING = strawberry.enum_value(
        "SYNC_ALREADY_RUNNING", description="A sync runs, or was asked for, already."
    )
    IMPORT_UNREADABLE = strawberry.enum_value(
        "IMPORT_UNREADABLE", description="The upload is no CSV file with the columns that an import needs."
    )
    IMPORT_NOT_UNDOABLE = strawberry.enum_value(
        "IMPORT_NOT_UNDOABLE", description="The import changed nothing, runs, or is undone already."
    )


@strawberry.interface(description="An expected refusal, returned as data.")
class Problem:
    code: ProblemCode = strawberry.field(description="The kind of refusal, for programs.")
    message: str = strawberry.field(description="What is wrong and what to do, for people.")


@strawberry.type(description="What is wrong with one value.")
class FieldProblem:
    field: str = strawberry.field(description="Path of the input field, such as `address.city` or `aliases[0]`.")
    code: str = strawberry.field(
        description="`REQUIRED`, `TOO_LONG`, `TOO_MANY`, `SYNTAX`, `WRONG_TYPE`, `UNKNOWN_FIELD`, `READ_ONLY` "
        "or `DUPLICATE`."
    )
    message: str = strawberry.field(description="What is wrong with it and what to do.")


@strawberry.type(description="Some values break a rule. Nothing was written.")
class InvalidInput(Problem):
    fields: list[FieldProblem] = strawberry.field(description="All values that break a rule.")


@strawberry.type(description="An e-mail address belongs to another contact or group. Nothing was written.")
class EmailAddressTaken(Problem):
    email_address: str = strawberry.field(description="The address that is taken.")
    holder: Node | None = strawberry.field(description="The contact or group that has it.")


@strawberry.type(description="The contact is synced from on-premises Active Directory. Nothing was written.")
class ContactReadOnly(Problem):
    contact: Contact = strawberry.field(description="The contact as it is.")


@strawberry.type(description="The group is synced from on-premises Active Directory. Nothing was written.")
class GroupReadOnly(Problem):
    group: DistributionGroup = strawberry.field(description="The group as it is.")


@strawberry.type(description="No service syncs from an Active Directory.")
class SyncNotConfigured(Problem):
    pass


@strawberry.type(description="A sync runs, or was asked for, already.")
class SyncAlreadyRunning(Problem):
    pass


@strawberry.type(description="The contact has another version than the expected one. Nothing was written.")
class VersionConflict(Problem):
    current: Contact = strawberry.field(description="The contact as it is now.")


@strawberry.type(description="The group has another version than the expected one. Nothing was written.")
class GroupVersionConflict(Problem):
    current: DistributionGroup = strawberry.field(description="The group as it is now.")


@strawberry.type(description="Nothing has this id. Nothing was written.")
class NotFound(Problem):
    id: strawberry.ID = strawberry.field(description="The id that was given.")
    field: str | None = strawberry.field(
        description="The input field that gave it, such as `managerId`; null where it is what the operation is about."
    )


@strawberry.type(description="The contact would be its own manager. Nothing was written.")
class ManagerCycle(Problem):
    chain: list[Contact] = strawberry.field(description="The contacts from one manager to the next, back to the first.")


@strawberry.type(description="The upload is no table of contacts that could be imported. Nothing was written.")
class ImportUnreadable(Problem):
    line: int | None = strawberry.field(description="The line where it shows; null if it is the file as a whole.")


@strawberry.type(description="The import changed nothing, runs, or is undone already.")
class ImportNotUndoable(Problem):
    pass


def problem(error: errors.Problem) -> Problem:
    """The GraphQL object for a refusal; raises it again where it is none of those that are data."""
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
    """Turns an error that a resolver raises into a member of the field's union, where it is one."""

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
