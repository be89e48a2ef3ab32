"""Reads what a cycle needs: marks, contacts and groups in whole or since a mark, deletions, and an inventory.

Active Directory numbers changes per database (its invocationId) with update sequence numbers. An object's uSNChanged
does not move when its OU is renamed or moved, and what left the scope is not found any more; the inventory of all
objectGUIDs and DNs in scope shows both. So a cycle takes `mark()` first, then reads, and keeps that mark only when
all it read is safe: what changes meanwhile is read again next time, and nothing is missed.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Self, TypeVar

from connector.connection import Search
from connector.entry import Attributes, Entry, domain_of, guid_filter, guid_text, is_below, plain_dn
from connector.errors import SearchRefused
from connector.mapping import (
    CONTACT_ATTRIBUTES,
    GROUP_ATTRIBUTES,
    STANDING_ATTRIBUTES,
    read_contact,
    read_group,
    read_standing,
)
from connector.session import LdapSession
from connector.values import Unreadable, number, text
from resolvers.sync.source import (
    DeletedObjectsHidden,
    DirectoryContact,
    DirectoryGroup,
    InventoryLine,
    Kind,
    Mark,
    Suitability,
    Tombstone,
    UnsuitableObject,
)
from settings import Settings

T = TypeVar("T")

CONTACTS = "(objectClass=contact)"
# Distribution groups: those without the bit that lets a group hold rights (ADS_GROUP_TYPE_SECURITY_ENABLED).
GROUPS = "(&(objectClass=group)(!(groupType:1.2.840.113556.1.4.803:=2147483648)))"
BY_GUID = 100  # objects asked for in one filter


class ActiveDirectoryReader:
    """Reads the configured part of the directory in `session`. Everything raises DirectoryError.

    `bases` are the DNs below which contacts and groups are read, none of them below another.
    """

    def __init__(self, session: LdapSession, naming_context: str, bases: Sequence[str], extra_filter: str) -> None:
        self._session, self._naming_context, self.bases = session, naming_context, tuple(bases)
        contacts = f"(&{CONTACTS}{extra_filter})" if extra_filter else CONTACTS
        self._conditions: dict[Kind, str] = {"contact": contacts, "group": GROUPS}

    @property
    def domains(self) -> Sequence[str]:
        """The DNS names of the domains that are read."""
        return sorted({domain_of(base) for base in self.bases})

    @classmethod
    async def open(cls, session: LdapSession, settings: Settings) -> Self:
        """A reader of what the settings name, or of the server's whole domain."""
        root = await session.root("defaultNamingContext")
        context = text(root, "defaultNamingContext")
        if context is None:
            raise SearchRefused(f"{session.url} has no defaultNamingContext: is it a domain controller?")
        return cls(session, context, outermost(settings.ad_base_dns or (context,)), settings.ad_filter)

    async def mark(self) -> Mark:
        """The server's state now. Take it before reading what it is to stand for."""
        root = await self._session.root("highestCommittedUSN", "dsServiceName", "dnsHostName")
        service = text(root, "dsServiceName") or ""
        settings = Search(service, "(objectClass=*)", ("invocationId",), below=False)
        async for page in self._session.pages(settings, invocation_of):
            if page and page[0]:
                return Mark(page[0], usn(root, self._session.url), text(root, "dnsHostName") or "")
        raise SearchRefused(f"{self._session.url} keeps its invocationId to itself: let the account read {service}.")

    def contacts(self, since: int | None = None) -> AsyncIterator[list[DirectoryContact | UnsuitableObject]]:
        """Contacts in scope, page by page: all, or those changed after the USN `since`."""
        return self._everywhere(changed(self._conditions["contact"], since), CONTACT_ATTRIBUTES, read_contact)

    def groups(self, since: int | None = None) -> AsyncIterator[list[DirectoryGroup | UnsuitableObject]]:
        """Distribution groups in scope with all their members: all, or those changed after the USN `since`.

        A group changes when members are added or removed, but not when a member is deleted or brought back.
        """
        return self._everywhere(
            changed(self._conditions["group"], since), GROUP_ATTRIBUTES, read_group, ranged="member"
        )

    async def contacts_by_guid(self, guids: Sequence[str]) -> AsyncIterator[list[DirectoryContact | UnsuitableObject]]:
        """Those of the contacts that are in scope now: for what the inventory shows and no change told."""
        for condition in any_of(self._conditions["contact"], guids):
            async for page in self._everywhere(condition, CONTACT_ATTRIBUTES, read_contact):
                yield page

    async def groups_by_guid(self, guids: Sequence[str]) -> AsyncIterator[list[DirectoryGroup | UnsuitableObject]]:
        """Those of the distribution groups that are in scope now, likewise."""
        for condition in any_of(self._conditions["group"], guids):
            async for page in self._everywhere(condition, GROUP_ATTRIBUTES, read_group, ranged="member"):
                yield page

    async def inventory(self, kind: Kind) -> AsyncIterator[list[InventoryLine]]:
        """All contacts, or distribution groups, in scope by objectGUID, DN and uSNChanged; cheap."""
        async for page in self._everywhere(self._conditions[kind], ("objectGUID", "uSNChanged"), presence, narrow=True):
            yield [found for found in page if found is not None]

    def suitability(self, kind: Kind) -> AsyncIterator[list[Suitability]]:
        """Whether those in scope are such as are synced."""
        return self._standings(self._conditions[kind])

    async def suitability_by_guid(self, kind: Kind, guids: Sequence[str]) -> AsyncIterator[list[Suitability]]:
        """Those of these that are in scope now, likewise."""
        for condition in any_of(self._conditions[kind], guids):
            async for page in self._standings(condition):
                yield page

    async def tombstones(self, since: int) -> AsyncIterator[list[Tombstone]]:
        """Contacts and groups deleted after the USN `since`, wherever they were.

        Raises `DeletedObjectsHidden` when the account may not list deleted objects. The inventory still shows what is
        gone then, but not whether it was deleted or left the scope.
        """
        container = f"CN=Deleted Objects,{self._naming_context}"
        gone = f"(&(isDeleted=TRUE)(|(objectClass=contact)(objectClass=group))(uSNChanged>={since + 1}))"
        attributes = ("objectGUID", "lastKnownParent", "uSNChanged")
        try:
            await self._require_sight_of(container)
            async for page in self._session.pages(Search(container, gone, attributes, deleted=True), tombstone):
                yield [found for found in page if found is not None]
        except SearchRefused as refusal:
            raise DeletedObjectsHidden(str(refusal)) from refusal

    async def _require_sight_of(self, container: str) -> None:
        look = Search(container, "(objectClass=*)", ("objectGUID",), below=False, deleted=True)
        async for page in self._session.pages(look, lambda entry: "objectGUID" in entry.attributes):
            if any(page):
                return
        raise SearchRefused(
            f"The account of the sync may not list {container}; let a domain administrator run: "
            f'dsacls "{container}" /takeownership, then dsacls "{container}" /G <account>:LCRP'
        )

    async def _standings(self, condition: str) -> AsyncIterator[list[Suitability]]:
        async for page in self._everywhere(condition, STANDING_ATTRIBUTES, read_standing):
            yield [found for found in page if found is not None]

    async def _everywhere(
        self,
        condition: str,
        attributes: tuple[str, ...],
        read: Callable[[Entry], T],
        *,
        ranged: str = "",
        narrow: bool = False,
    ) -> AsyncGenerator[list[T]]:
        for base in self.bases:
            search = Search(base, condition, attributes, ranged=ranged, narrow=narrow)
            async with aclosing(self._session.pages(search, read)) as pages:
                async for page in pages:
                    yield page


def changed(condition: str, since: int | None) -> str:
    # LDAP knows no "greater than".
    return condition if since is None else f"(&{condition}(uSNChanged>={since + 1}))"


def any_of(condition: str, guids: Sequence[str]) -> Iterator[str]:
    """Filters that together find the objects with these objectGUIDs that fulfil the condition."""
    for start in range(0, len(guids), BY_GUID):
        yield f"(&{condition}(|{''.join(map(guid_filter, guids[start : start + BY_GUID]))}))"


def outermost(bases: Sequence[str]) -> list[str]:
    """The bases without those that lie below another one or repeat it: nothing is to be read twice."""
    kept: list[str] = []
    for base in sorted(bases, key=len):
        if not any(is_below(base, other) for other in kept):
            kept.append(base)
    return kept


def presence(entry: Entry) -> InventoryLine | None:
    """None for an object that does not show its objectGUID; reading it in full reports that."""
    try:
        guid = guid_text(entry.attributes["objectGUID"][0])
        return InventoryLine(guid, entry.dn, number(entry.attributes, "uSNChanged"))
    except (LookupError, ValueError, Unreadable):
        return None


def tombstone(entry: Entry) -> Tombstone | None:
    found = presence(entry)
    if found is None:
        return None
    rdn, marked, _ = entry.dn.partition("\\0ADEL:")
    parent = plain_dn(b"".join(entry.attributes.get("lastKnownParent", ())).decode(errors="replace"))
    return Tombstone(found.object_guid, f"{rdn},{parent}" if marked and parent else None, found.usn_changed)


def invocation_of(entry: Entry) -> str | None:
    """None when it is hidden from us."""
    try:
        return guid_text(entry.attributes["invocationId"][0])
    except (LookupError, ValueError):
        return None


def usn(root: Attributes, url: str) -> int:
    try:
        return number(root, "highestCommittedUSN")
    except Unreadable as error:
        raise SearchRefused(f"{url} has no highestCommittedUSN: is it a domain controller?") from error
