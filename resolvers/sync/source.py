"""What the sync reads from: a directory source, and the objects that it yields.

`connector` implements `DirectorySource` over LDAP. Nothing here knows LDAP.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol

from resolvers.rules import Fields

Kind = Literal["contact", "group"]


class Reference(NamedTuple):
    """A link to another object: by its objectGUID, which stays, and by the DN it has now."""

    object_guid: str
    dn: str


@dataclass(frozen=True, slots=True)
class DirectoryContact:
    """A contact as Active Directory has it. `fields` as in `rules`, all of them: what is absent there is cleared here.

    `manager_guid` is the objectGUID of its manager, which may be any object: a contact read earlier, later or never.
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
    """A distribution group likewise. `members` may be any objects: contacts, users, groups; sorted by objectGUID."""

    object_guid: str
    distinguished_name: str
    domain: str
    fields: Fields
    members: tuple[Reference, ...] = ()
    when_changed: datetime | None = None
    usn_changed: int = 0


@dataclass(frozen=True, slots=True)
class InventoryLine:
    """One line of the inventory: this object is in scope, under this DN."""

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
    """An object that cannot be synced, and why. `object_guid` is None only for `NO_ANCHOR`."""

    object_guid: str | None
    distinguished_name: str
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Suitability:
    """Whether an object in scope can be synced: it is no system or conflict object, and has an address."""

    object_guid: str
    suitable: bool


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A contact or group that was deleted. `last_dn` is where it was then, as far as the source knows."""

    object_guid: str
    last_dn: str | None
    usn_changed: int


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a database had got: every change up to `usn` was there. `server` is the host name of its server."""

    invocation_id: str
    usn: int
    server: str


class DeletedObjectsHidden(Exception):
    """Raised when the account may not list deleted objects; the message says what an administrator can do."""


class DirectorySource(Protocol):
    """The configured part of a directory, read page by page. Take `mark()` before reading what it is to stand for.

    Any call can raise the source's own error when the directory cannot be read.
    """

    @property
    def domains(self) -> Sequence[str]:
        """The DNS names of the domains that are read."""

    async def mark(self) -> Mark:
        """How far the database is now."""

    def contacts(self, since: int | None = None) -> AsyncIterator[list[DirectoryContact | UnsuitableObject]]:
        """The contacts in scope: all, or those changed after the USN `since`."""

    def groups(self, since: int | None = None) -> AsyncIterator[list[DirectoryGroup | UnsuitableObject]]:
        """The distribution groups in scope with all their members: all, or those changed after the USN `since`."""

    def contacts_by_guid(self, guids: Sequence[str]) -> AsyncIterator[list[DirectoryContact | UnsuitableObject]]:
        """Those of these contacts that are in scope now."""

    def groups_by_guid(self, guids: Sequence[str]) -> AsyncIterator[list[DirectoryGroup | UnsuitableObject]]:
        """Those of these distribution groups that are in scope now."""

    def inventory(self, kind: Kind) -> AsyncIterator[list[InventoryLine]]:
        """All contacts or distribution groups in scope, cheaply."""

    def suitability(self, kind: Kind) -> AsyncIterator[list[Suitability]]:
        """Whether the contacts or distribution groups in scope can be synced."""

    def suitability_by_guid(self, kind: Kind, guids: Sequence[str]) -> AsyncIterator[list[Suitability]]:
        """Whether those of these that are in scope now can be synced."""

    def tombstones(self, since: int) -> AsyncIterator[list[Tombstone]]:
        """Contacts and groups deleted after the USN `since`, wherever they were. Raises `DeletedObjectsHidden`."""
