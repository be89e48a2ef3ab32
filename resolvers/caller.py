"""Who calls a resolver, through which channel, and the database and clock of the call."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Literal

from storage.changes import Author, Channel
from storage.documents import now
from storage.driver import Database
from storage.lease import Lease

# What the audit log calls the operations that it records.
Action = Literal[
    "CREATE_CONTACT",
    "UPDATE_CONTACT",
    "DELETE_CONTACT",
    "DELETE_CONTACTS",
    "RESTORE_CONTACT",
    "CREATE_GROUP",
    "UPDATE_GROUP",
    "DELETE_GROUP",
    "ADD_CONTACTS_TO_GROUP",
    "REMOVE_CONTACTS_FROM_GROUP",
    "IMPORT_CONTACTS",
    "CANCEL_IMPORT",
    "UNDO_IMPORT",
    "EXPORT_CONTACTS",
    "START_SYNC",
    "SYNC",
    "MAKE_CLOUD_ONLY",
    "READ_AUDIT_LOG",
    "EXPORT_AUDIT_LOG",
    "READ",
    "SIGN_IN",
    "START_SERVICE",
]


class Role(IntEnum):
    """What a user may do. Each role includes the previous ones."""

    READER = 1
    EDITOR = 2
    ADMIN = 3

    @property
    def claim(self) -> str:
        """The name of the role at the identity provider."""
        return {Role.READER: "Contacts.Read", Role.EDITOR: "Contacts.ReadWrite", Role.ADMIN: "Contacts.Admin"}[self]


@dataclass(frozen=True, slots=True)
class Identity:
    """A signed-in person or app.

    `id` never changes and is unique, unlike `name`. `role` is None if they have none of our roles, and may then do
    nothing. `expires_at`: when the sign-in ends, in seconds since 1970, None for never.
    """

    id: str
    name: str
    kind: Literal["USER", "APP"]
    role: Role | None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make the request with an idempotency key. `fingerprint`: what tells the request from others."""

    lease: Lease
    fingerprint: Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and the database of the call.

    Each channel creates its own and sets `author.channel`. `default_region` is the ISO 3166 code of the country whose
    dialing rules apply to the phone numbers of contacts without a country, empty for none. `address` and `request_id`
    are empty for callers on this machine. `action`: the operation that the audit log records, None for parts of one.

    `key`: the idempotency key of the request, if it has one (see `resolvers.idempotency`). `claim`: the right to make
    that request, once it is claimed.
    """

    db: Database
    author: Author
    role: Role
    default_region: str = ""
    clock: Callable[[], datetime] = now
    address: str = ""
    request_id: str = ""
    action: Action | None = None
    key: str | None = None
    claim: Claim | None = None


def signed_in(
    db: Database, identity: Identity, channel: Channel, default_region: str, address: str, request_id: str
) -> Caller:
    """The caller with this identity. They must have a role."""
    if identity.role is None:
        raise ValueError("An identity without a role may do nothing.")
    author = Author(identity.name, channel, identity.id)
    return Caller(db, author, identity.role, default_region, now, address, request_id)
