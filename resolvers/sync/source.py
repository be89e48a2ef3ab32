"""The directory source that the sync reads from, and the objects that it yields.

`connector` implements `DirectorySource` over LDAP. This module does not depend on LDAP.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol

from resolvers.rules import Fields

Kind = Literal["contact", "group"]


class Reference(NamedTuple):
    """A link to another object: its permanent objectGUID and its current DN."""

    object_guid: str
    dn: str


@dataclass(frozen=True, slots=True)
class DirectoryContact:
    """A contact in Active Directory. `fields`: all fields of `rules`; a field that is absent there is cleared here.

    `manager_guid`: the objectGUID of its manager, which can be any object: a contact read earlier, later or never.
    """

    object_guid: str
    distinguished_name: str
    domain: str
    fields: Fields
    manager_guid: str | None = None
    when_changed: datetime | None = None
    usn_changed: int = 0


@dataclass(frozen=True, slots=True)
class DirectoryGroup:
    """A distribution group in Active Directory. `members`: objects of any kind, sorted by objectGUID."""

    object_guid: str
    distinguished_name: str
    domain: str
    fields: Fields
    members: tuple[Reference, ...] = ()
    when_changed: datetime | None = None
    usn_changed: int = 0


@dataclass(frozen=True, slots=True)
class InventoryLine:
    """One line of the inventory: an object in scope, with its current DN."""

    object_guid: str
    distinguished_name: str
    usn_changed: int


class Reason(StrEnum):
    """Why an object is not synced."""

    NO_ANCHOR = "NO_ANCHOR"
    CONFLICT_OBJECT = "CONFLICT_OBJECT"
    CRITICAL_SYSTEM_OBJECT = "CRITICAL_SYSTEM_OBJECT"
    SYSTEM_MAILBOX = "SYSTEM_MAILBOX"
    NO_ADDRESS = "NO_ADDRESS"
    NO_NAME = "NO_NAME"
    UNREADABLE_VALUE = "UNREADABLE_VALUE"


@dataclass(frozen=True, slots=True)
class UnsuitableObject:
    """An object that cannot be synced, and why. `object_guid` is None for `NO_ANCHOR` only."""

    object_guid: str | None
    distinguished_name: str
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Suitability:
    """Whether an object in scope can be synced: it has an address and is not a system or conflict object."""

    object_guid: str
    suitable: bool


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A deleted contact or group. `last_dn`: its last DN, if the source knows it."""

    object_guid: str
    last_dn: str | None
    usn_changed: int


@dataclass(frozen=True, slots=True)
class Mark:
    """The high-watermark of a database: it had every change up to `usn`. `server`: the host name of its server."""

    invocation_id: str
    usn: int
    server: str


class DeletedObjectsHidden(Exception):
    """Raised when the account cannot list deleted objects. The message says what an administrator can do."""


class DirectorySource(Protocol):
    """The configured part of a directory, read page by page. Call `mark()` before reading the objects it covers.

    Any method can raise the source's own error when the directory cannot be read.
    """

    @property
    def domains(self) -> Sequence[str]:
        """The DNS names of the synced domains."""

    async def mark(self) -> Mark:
        """The current high-watermark of the database."""

    def contacts(self, since: int | None = None) -> AsyncIterator[list[DirectoryContact | UnsuitableObject]]:
        """The contacts in scope: all of them, or those changed after the USN `since`."""

    def groups(self, since: int | None = None) -> AsyncIterator[list[DirectoryGroup | UnsuitableObject]]:
        """The distribution groups in scope with all their members: all, or those changed after the USN `since`."""

    def contacts_by_guid(self, guids: Sequence[str]) -> AsyncIterator[list[DirectoryContact | UnsuitableObject]]:
        """The contacts with these objectGUIDs that are in scope."""

    def groups_by_guid(self, guids: Sequence[str]) -> AsyncIterator[list[DirectoryGroup | UnsuitableObject]]:
        """The distribution groups with these objectGUIDs that are in scope."""

    def inventory(self, kind: Kind) -> AsyncIterator[list[InventoryLine]]:
        """All contacts or distribution groups in scope, with few attributes."""

    def suitability(self, kind: Kind) -> AsyncIterator[list[Suitability]]:
        """Whether the contacts or distribution groups in scope can be synced."""

    def suitability_by_guid(self, kind: Kind, guids: Sequence[str]) -> AsyncIterator[list[Suitability]]:
        """Whether the objects with these objectGUIDs that are in scope can be synced."""

    def tombstones(self, since: int) -> AsyncIterator[list[Tombstone]]:
        """Contacts and groups deleted after the USN `since`, in scope or not. Raises `DeletedObjectsHidden`."""
