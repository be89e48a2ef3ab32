"""The refusals of the domain. GraphQL returns them as data, REST as problem details, both from this tree.

    Problem                  a refusal that a caller can expect and act upon
    ├── InvalidInput         values that break a rule, each named with what to do
    ├── InvalidRequest       a malformed cursor or an impossible page size
    ├── EmailAddressTaken    an address belongs to another contact or group
    ├── ContactReadOnly      the contact is mastered in on-premises Active Directory
    ├── GroupReadOnly        so is the distribution group, with its members
    ├── VersionConflict      someone else changed it since the caller read it
    ├── NotFound             no contact, group or job has this id
    ├── ManagerCycle         the manager is, directly or not, managed by this contact
    ├── ImportUnreadable     the upload is no CSV file with the columns that an import needs
    ├── ImportNotUndoable    the import cannot be taken back, or not any more
    ├── SyncNotConfigured    no service syncs from an Active Directory
    ├── SyncAlreadyRunning   a sync runs or is asked for already
    ├── EventsMissed         a subscription cannot be told of every change
    └── Busy                 too many changes of the same contacts at once; nothing was written

Anything else that is raised is a defect or an outage: it is logged and never shown to a client.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.documents import Document


class Problem(Exception):
    """A refusal, with a `code` (a `ProblemCode` of the GraphQL schema) and a sentence that says what to do."""

    code = "INVALID"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one value: the field's path, a code, and a sentence that says what to do.

    Codes: `REQUIRED`, `TOO_LONG`, `TOO_MANY`, `SYNTAX`, `WRONG_TYPE`, `UNKNOWN_FIELD`, `READ_ONLY`, `DUPLICATE`.
    """

    field: str
    code: str
    message: str


class InvalidInput(Problem):
    """Raised when values break a rule; lists all of them, not only the first."""

    def __init__(self, fields: Sequence[FieldProblem]) -> None:
        super().__init__(" ".join(each.message for each in fields))
        self.fields = fields


class InvalidRequest(Problem):
    """Raised for a page that cannot be: a malformed or foreign cursor, a size out of bounds."""


class EmailAddressTaken(Problem):
    """Raised when an address belongs to another contact or group, the `holder`, a document of that `kind`."""

    code = "EMAIL_ADDRESS_TAKEN"

    def __init__(self, address: str, holder: Document, kind: str) -> None:
        super().__init__(
            f"{address} belongs to the {kind} {holder['displayName']} ({holder['_id']}). "
            f"Use another address, or remove it there first."
        )
        self.address = address
        self.holder = holder
        self.kind = kind


class ContactReadOnly(Problem):
    """Raised when the cloud would change a synced contact. `where` tells who masters it and when it syncs."""

    code = "CONTACT_READ_ONLY"

    def __init__(self, contact: Document, where: str) -> None:
        super().__init__(
            f"{contact['displayName']} ({contact['_id']}) is synchronised from on-premises Active Directory "
            f"and cannot be changed in the cloud. {where}"
        )
        self.contact = contact


class GroupReadOnly(Problem):
    """Raised when the cloud would change a synced group or its members. `where` as for `ContactReadOnly`."""

    code = "GROUP_READ_ONLY"

    def __init__(self, group: Document, where: str) -> None:
        super().__init__(
            f"{group['displayName']} ({group['_id']}) is synchronised from on-premises Active Directory, and neither "
            f"it nor its members can be changed in the cloud. {where}"
        )
        self.group = group


class VersionConflict(Problem):
    """Raised when the expected version is not the `current` document's."""

    code = "VERSION_CONFLICT"

    def __init__(self, current: Document, expected: int) -> None:
        super().__init__(
            f"Version {expected} was expected, but {current['displayName']} ({current['_id']}) has version "
            f"{current['version']}. Read it again, and repeat the change on what it is now."
        )
        self.current = current


class NotFound(Problem):
    """Raised when nothing has this id. `field` is the input field that named it, None for the object itself."""

    code = "NOT_FOUND"

    def __init__(self, kind: str, identifier: str, field: str | None = None) -> None:
        shown = repr(identifier[:80])
        if field is None:
            message = f"There is no {kind} with the id {shown}. It may have been deleted meanwhile."
        else:
            other = f"choose another {field.removesuffix('Id')} or leave it out"
            message = f"{field}: there is no {kind} with the id {shown}; {other}."
        super().__init__(message)
        self.id = identifier
        self.field = field


class ManagerCycle(Problem):
    """Raised when a contact would be its own manager, directly or through the `chain` of managers."""

    code = "MANAGER_CYCLE"

    def __init__(self, chain: Sequence[Document]) -> None:
        names = [each["displayName"] for each in chain]
        shown = names if len(names) <= 8 else [*names[:4], "…", *names[-3:]]
        super().__init__(
            f"A contact cannot be managed by itself: {' → '.join(shown)}. Choose a manager outside this chain."
        )
        self.chain = chain


class ImportUnreadable(Problem):
    """Raised before anything runs when an upload is no table of contacts. `line` is where, if that can be told."""

    code = "IMPORT_UNREADABLE"

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class ImportNotUndoable(Problem):
    """Raised when an import is not in a state in which it can be undone."""

    code = "IMPORT_NOT_UNDOABLE"


class SyncNotConfigured(Problem):
    """Raised when a sync is asked for where no service has one to do."""

    code = "SYNC_NOT_CONFIGURED"

    def __init__(self) -> None:
        super().__init__(
            "No service syncs this directory. Set CONTACTS_AD_URLS and the other CONTACTS_AD_ variables, and restart."
        )


class SyncAlreadyRunning(Problem):
    """Raised when a sync is asked for while one runs, or waits to be run."""

    code = "SYNC_ALREADY_RUNNING"

    def __init__(self) -> None:
        super().__init__("A sync runs already, or is about to. Ask again when it has finished: directorySync tells.")


class EventsMissed(Problem):
    """Raised in a subscription that is behind by too many events, or after an interruption that lost some."""

    code = "EVENTS_MISSED"

    def __init__(self) -> None:
        super().__init__("Some changes could not be told. Subscribe again, then read again what you show.")


class Busy(Problem):
    """Raised when a change lost against others too many times in a row. Nothing was written."""

    code = "BUSY"

    def __init__(self) -> None:
        super().__init__(
            "The same contacts are being changed by too many others at once. Nothing was changed; try again."
        )
