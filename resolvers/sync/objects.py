"""What Active Directory says, as the connector hands it on: contacts, groups, and lines of an inventory."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from resolvers.rules import Fields


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
class Presence:
    """One line of the inventory: this object is in scope, under this DN."""

    object_guid: str
    distinguished_name: str
    usn_changed: int
