"""A simulated domain controller, for states that Samba cannot be brought into, such as two that differ."""

from collections.abc import AsyncIterator, Collection, Sequence

from resolvers.caller import Caller
from resolvers.sync import control, progress
from resolvers.sync.request import SyncRequest
from resolvers.sync.run import run_sync
from resolvers.sync.source import (
    DirectoryContact,
    DirectoryGroup,
    InventoryLine,
    Kind,
    Mark,
    Reference,
    Suitability,
    Tombstone,
    UnsuitableObject,
)
from settings import Settings
from storage.documents import Document
from tests.support.consistency import check

JUST_NOW = 1_000_000
BASE = "DC=corp,DC=example,DC=test"


def guid(number: int) -> str:
    """The objectGUID of the object with this number."""
    return f"00000000-0000-0000-0000-{number:012d}"


def contact(
    number: int, name: str, address: str, usn: int = 1, manager: int | None = None, **fields: object
) -> DirectoryContact:
    """A contact in a domain controller that counts its last change as `usn`."""
    names = ("firstName", "lastName", "company", "department", "jobTitle", "businessPhone", "mobilePhone", "address")
    known = {"displayName": name, "emailAddress": address}
    return DirectoryContact(
        object_guid=guid(number),
        distinguished_name=f"CN={name},{BASE}",
        domain="corp.example.test",
        fields={**dict.fromkeys(names), **known, "aliases": [], "notes": None, "showInGal": True, **fields},
        manager_guid=guid(manager) if manager else None,
        usn_changed=usn,
    )


def group(
    number: int, name: str, members: Collection[int] = (), usn: int = 1, address: str | None = None
) -> DirectoryGroup:
    """A distribution group with the objects with these numbers as members."""
    return DirectoryGroup(
        object_guid=guid(number),
        distinguished_name=f"CN={name},{BASE}",
        domain="corp.example.test",
        fields={"displayName": name, "emailAddress": address or f"{name}@groups.test", "description": None},
        members=tuple(Reference(guid(member), f"CN={member},{BASE}") for member in sorted(members)),
        usn_changed=usn,
    )


class Simulated:
    """Reads the given objects, one per page. `deleted` are the objects whose tombstones it shows."""

    def __init__(
        self,
        contacts: Sequence[DirectoryContact | UnsuitableObject],
        groups: Sequence[DirectoryGroup] = (),
        *,
        database: str = "A",
        usn: int = 100,
        deleted: Sequence[int] = (),
    ) -> None:
        self.domains = ("corp.example.test",)
        self._mark = Mark(database, usn, f"dc-{database}".lower())
        self._found = list(contacts)
        self._groups, self._deleted = list(groups), deleted

    async def mark(self) -> Mark:
        return self._mark

    async def contacts(self, since: int | None = None) -> AsyncIterator[list[DirectoryContact | UnsuitableObject]]:
        for each in self._found:
            if since is None or usn(each) > since:
                yield [each]

    async def groups(self, since: int | None = None) -> AsyncIterator[list[DirectoryGroup | UnsuitableObject]]:
        for each in self._groups:
            if since is None or each.usn_changed > since:
                yield [each]

    async def contacts_by_guid(self, guids: Sequence[str]) -> AsyncIterator[list[DirectoryContact | UnsuitableObject]]:
        yield [each for each in self._found if each.object_guid in guids]

    async def groups_by_guid(self, guids: Sequence[str]) -> AsyncIterator[list[DirectoryGroup | UnsuitableObject]]:
        yield [each for each in self._groups if each.object_guid in guids]

    async def inventory(self, kind: Kind) -> AsyncIterator[list[InventoryLine]]:
        found = self._found if kind == "contact" else self._groups
        yield [
            InventoryLine(each.object_guid, each.distinguished_name, usn(each)) for each in found if each.object_guid
        ]

    async def suitability(self, kind: Kind) -> AsyncIterator[list[Suitability]]:
        for each in self._found if kind == "contact" else self._groups:
            if each.object_guid:
                yield [Suitability(each.object_guid, suitable=not isinstance(each, UnsuitableObject))]

    async def suitability_by_guid(self, kind: Kind, guids: Sequence[str]) -> AsyncIterator[list[Suitability]]:
        async for page in self.suitability(kind):
            yield [each for each in page if each.object_guid in guids]

    async def tombstones(self, since: int) -> AsyncIterator[list[Tombstone]]:
        yield [Tombstone(guid(number), None, since + 1) for number in self._deleted]


def usn(each: DirectoryContact | DirectoryGroup | UnsuitableObject) -> int:
    """Unsuitable objects always count as just changed."""
    return JUST_NOW if isinstance(each, UnsuitableObject) else each.usn_changed


async def cycle(
    caller: Caller,
    reader: Simulated,
    *,
    dry_run: bool = False,
    full: bool = False,
    allow_deletions: bool = False,
    **settings: object,
) -> Document:
    """The record of a run that reads from this, after which the data must be consistent."""
    run = await progress.take(caller, SyncRequest(dry_run, allow_deletions, full))
    assert run is not None
    chosen: dict[str, object] = {"ad_max_deletions_percent": 100, **settings}
    await run_sync(run, Settings.model_validate(chosen), reader)
    await check(caller.db)
    return await control.get_run(caller, run.id)


async def named(caller: Caller, name: str) -> Document:
    """The contact with this name, which must exist."""
    found = await caller.db.contacts.find_one({"displayName": name})
    assert found is not None, f"there is no {name}"
    return found
