"""The expected errors of the domain. GraphQL returns them as data, REST as problem details, both from this tree.

    Problem                  an error that callers can expect and act upon
    ├── Unauthenticated      the caller has not signed in, or their token is not valid
    ├── Forbidden            the caller's role does not allow this
    ├── InvalidInput         values break a rule; each is listed with what to do
    ├── InvalidRequest       a cursor, page size or filter is invalid
    ├── EmailAddressTaken    an address belongs to another contact or group
    ├── ContactReadOnly      the contact is managed in on-premises Active Directory
    ├── GroupReadOnly        the same for a distribution group and its members
    ├── VersionConflict      someone else changed it since the caller read it
    ├── NotFound             no contact, group, import or run has this ID
    ├── ManagerCycle         the manager is, directly or indirectly, managed by this contact
    ├── ImportUnreadable     the upload isn't a CSV file with the columns that an import needs
    ├── ImportNotUndoable    the import cannot be undone, or no longer
    ├── SyncNotConfigured    no service syncs from an Active Directory
    ├── SyncAlreadyRunning   a sync is already running or queued
    ├── IdempotencyKeyInvalid  an idempotency key is not a key
    ├── IdempotencyKeyInUse    the first request with this idempotency key is still running
    ├── IdempotencyKeyReused   this idempotency key belongs to another request
    ├── RateLimited          the caller has spent what they may for now
    ├── EventsMissed         a subscription has lost events
    └── Busy                 too many others are changing the same contacts; nothing was written

Any other exception is a defect or an outage: it is logged and never shown to a client.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from resolvers.caller import Action
from storage.documents import Document


class Problem(Exception):
    """An expected error, with a `code` (a `ProblemCode` of the GraphQL schema) and a message that says what to do."""

    code = "INVALID"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unauthenticated(Problem):
    """Raised when the caller has not signed in, or their token is not valid. `has_token`: whether they sent one."""

    code = "UNAUTHENTICATED"

    def __init__(self, message: str, *, has_token: bool = True) -> None:
        super().__init__(message)
        self.has_token = has_token


class Forbidden(Problem):
    """Raised when the caller has signed in, but their role does not allow the `action`."""

    code = "FORBIDDEN"

    def __init__(self, message: str, action: Action) -> None:
        super().__init__(message)
        self.action = action


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one value: the field's path, a code, and a message that says what to do.

    Codes: `REQUIRED`, `TOO_LONG`, `TOO_MANY`, `SYNTAX`, `WRONG_TYPE`, `UNKNOWN_FIELD`, `READ_ONLY`, `DUPLICATE`.
    """

    field: str
    code: str
    message: str


class InvalidInput(Problem):
    """Raised when values break a rule. Lists all problems, not only the first."""

    def __init__(self, fields: Sequence[FieldProblem]) -> None:
        super().__init__(" ".join(each.message for each in fields))
        self.fields = fields


class InvalidRequest(Problem):
    """Raised for an invalid page or filter: a cursor of another list, a page size out of range, a text too long."""


class EmailAddressTaken(Problem):
    """Raised when an address belongs to another contact or group: `holder`, a document of that `kind`."""

    code = "EMAIL_ADDRESS_TAKEN"

    def __init__(self, address: str, holder: Document, kind: str) -> None:
        super().__init__(
            f"{address} already belongs to the {kind} {holder['displayName']} ({holder['_id']}). "
            f"Use another address, or remove it from that {kind} first."
        )
        self.address = address
        self.holder = holder
        self.kind = kind


class ContactReadOnly(Problem):
    """Raised when anyone but the sync changes a synced contact. `where` says where to edit it and when it syncs."""

    code = "CONTACT_READ_ONLY"

    def __init__(self, contact: Document, where: str) -> None:
        super().__init__(
            f"{contact['displayName']} ({contact['_id']}) is synced from on-premises Active Directory "
            f"and cannot be changed here. {where}"
        )
        self.contact = contact


class GroupReadOnly(Problem):
    """Raised when anyone but the sync changes a synced group or its members. `where` as in `ContactReadOnly`."""

    code = "GROUP_READ_ONLY"

    def __init__(self, group: Document, where: str) -> None:
        super().__init__(
            f"{group['displayName']} ({group['_id']}) is synced from on-premises Active Directory. "
            f"The group and its members cannot be changed here. {where}"
        )
        self.group = group


class VersionConflict(Problem):
    """Raised when the `current` document does not have the expected version."""

    code = "VERSION_CONFLICT"

    def __init__(self, current: Document, expected: int) -> None:
        super().__init__(
            f"{current['displayName']} ({current['_id']}) is now at version {current['version']}, not {expected}. "
            f"Read it again and repeat the change."
        )
        self.current = current


class NotFound(Problem):
    """Raised when nothing has this ID. `field` is the input field that contains it, None for the object itself."""

    code = "NOT_FOUND"

    def __init__(self, kind: str, identifier: str, field: str | None = None) -> None:
        shown = repr(identifier[:80])
        if field is None:
            message = f"There is no {kind} with the ID {shown}. It may have been deleted."
        else:
            other = f"Choose another {field.removesuffix('Id')} or omit the field"
            message = f"{field}: There is no {kind} with the ID {shown}. {other}."
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
            f"A contact cannot manage itself, directly or indirectly: {' → '.join(shown)}. "
            f"Choose a manager outside this chain."
        )
        self.chain = chain


class ImportUnreadable(Problem):
    """Raised before an import starts if the upload isn't a table of contacts. `line` is the line, None if unknown."""

    code = "IMPORT_UNREADABLE"

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class ImportNotUndoable(Problem):
    """Raised when an import cannot be undone in its current state."""

    code = "IMPORT_NOT_UNDOABLE"


class SyncNotConfigured(Problem):
    """Raised when a sync is requested but none is configured."""

    code = "SYNC_NOT_CONFIGURED"

    def __init__(self) -> None:
        super().__init__(
            "The sync with Active Directory is not configured. Set CONTACTS_AD_URLS and the other CONTACTS_AD_* "
            "variables, then restart the service."
        )


class SyncAlreadyRunning(Problem):
    """Raised when a sync is requested while one is running or queued."""

    code = "SYNC_ALREADY_RUNNING"

    def __init__(self) -> None:
        super().__init__("A sync is already running or queued. Check `directorySync` and retry when it has finished.")


class IdempotencyKeyInvalid(Problem):
    """Raised for an idempotency key that is empty, too long, or has other characters than printable ASCII."""

    code = "IDEMPOTENCY_KEY_INVALID"


class IdempotencyKeyInUse(Problem):
    """Raised while another request with this idempotency key is running. Nothing was done."""

    code = "IDEMPOTENCY_KEY_IN_USE"

    def __init__(self) -> None:
        super().__init__(
            "A request with this idempotency key is still running. Retry in a moment to get its answer. If the service "
            "was stopped meanwhile, the key is free again after a minute."
        )


class IdempotencyKeyReused(Problem):
    """Raised if the idempotency key was used for a different request. Nothing was done."""

    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__(
            "This idempotency key was used for a different request in the last 24 hours. Send a new key with each new "
            "request, and the same key only to repeat a request unchanged."
        )


class RateLimited(Problem):
    """Raised when the caller has spent what they may for now. Nothing was done."""

    code = "RATE_LIMITED"

    def __init__(self, retry_after_seconds: int) -> None:
        unit = "second" if retry_after_seconds == 1 else "seconds"
        super().__init__(
            f"You have sent too much in a short time. Wait {retry_after_seconds:,} {unit}, then send this again. "
            "Shorter pages and fewer fields cost less."
        )
        self.retry_after_seconds = retry_after_seconds


class EventsMissed(Problem):
    """Raised in a subscription that is too slow, or after an interruption in which events were lost."""

    code = "EVENTS_MISSED"

    def __init__(self) -> None:
        super().__init__("Some events were missed. Resubscribe, then refetch your data.")


class Busy(Problem):
    """Raised when a change conflicted with others too many times in a row. Nothing was written."""

    code = "BUSY"

    def __init__(self) -> None:
        super().__init__("Too many others are changing the same contacts. Nothing was changed. Try again.")
