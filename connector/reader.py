"""Reads everything a run needs: high-watermarks, contacts and groups (all, or since a mark), deletions, an inventory.

Active Directory numbers changes per database (its invocationId) with update sequence numbers (USN). An object's
uSNChanged does not change when its OU is renamed or moved, and objects that left the scope are no longer found. The
inventory of all objectGUIDs and DNs in scope shows both. A run therefore takes `mark()` first, then reads, and stores
that mark only when everything has been written. Whatever changes meanwhile is read again next time.
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
    SUITABILITY_ATTRIBUTES,
    read_contact,
    read_group,
    read_suitability,
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

_CHECK_URLS = "Check that CONTACTS_AD_URLS names domain controllers."
CONTACTS = "(objectClass=contact)"
# Distribution groups: those without the bit of security groups (ADS_GROUP_TYPE_SECURITY_ENABLED).
GROUPS = "(&(objectClass=group)(!(groupType:1.2.840.113556.1.4.803:=2147483648)))"
BY_GUID = 100  # objects per filter


class ActiveDirectoryReader:
    """Reads the configured part of the directory in `session`. All methods raise DirectoryError.

    `bases` are the DNs to search, including their subtrees. They do not overlap.
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
        """A reader for the base DNs in the settings, or for the server's whole domain."""
        root = await session.root("defaultNamingContext")
        context = text(root, "defaultNamingContext")
        if context is None:
            raise SearchRefused(f"{session.url} has no defaultNamingContext. {_CHECK_URLS}")
        return cls(session, context, outermost(settings.ad_base_dns or (context,)), settings.ad_filter)

    async def mark(self) -> Mark:
        """The server's current high-watermark. Take it before reading."""
        root = await self._session.root("highestCommittedUSN", "dsServiceName", "dnsHostName")
        service = text(root, "dsServiceName") or ""
        settings = Search(service, "(objectClass=*)", ("invocationId",), below=False)
        async for page in self._session.pages(settings, invocation_of):
            if page and page[0]:
                return Mark(page[0], usn(root, self._session.url), text(root, "dnsHostName") or "")
        raise SearchRefused(
            f"The account in CONTACTS_AD_BIND_DN cannot read the invocationId of {self._session.url}. Grant it "
            f"permission to read {service}."
        )

    def contacts(self, since: int | None = None) -> AsyncIterator[list[DirectoryContact | UnsuitableObject]]:
        """Contacts in scope, page by page: all, or those that changed after the USN `since`."""
        return self._everywhere(changed(self._conditions["contact"], since), CONTACT_ATTRIBUTES, read_contact)

    def groups(self, since: int | None = None) -> AsyncIterator[list[DirectoryGroup | UnsuitableObject]]:
        """Distribution groups in scope with all their members: all, or those that changed after the USN `since`.

        A group changes when members are added or removed, but not when a member is deleted or restored.
        """
        return self._everywhere(
            changed(self._conditions["group"], since), GROUP_ATTRIBUTES, read_group, ranged="member"
        )

    async def contacts_by_guid(self, guids: Sequence[str]) -> AsyncIterator[list[DirectoryContact | UnsuitableObject]]:
        """The contacts with these objectGUIDs that are in scope: for differences that only the inventory shows."""
        for condition in any_of(self._conditions["contact"], guids):
            async for page in self._everywhere(condition, CONTACT_ATTRIBUTES, read_contact):
                yield page

    async def groups_by_guid(self, guids: Sequence[str]) -> AsyncIterator[list[DirectoryGroup | UnsuitableObject]]:
        """The distribution groups with these objectGUIDs that are in scope."""
        for condition in any_of(self._conditions["group"], guids):
            async for page in self._everywhere(condition, GROUP_ATTRIBUTES, read_group, ranged="member"):
                yield page

    async def inventory(self, kind: Kind) -> AsyncIterator[list[InventoryLine]]:
        """The objectGUID, DN and uSNChanged of all contacts, or distribution groups, in scope. Cheap."""
        attributes = ("objectGUID", "uSNChanged")
        async for page in self._everywhere(self._conditions[kind], attributes, inventory_line, narrow=True):
            yield [found for found in page if found is not None]

    def suitability(self, kind: Kind) -> AsyncIterator[list[Suitability]]:
        """Whether the objects in scope are synced."""
        return self._suitability(self._conditions[kind])

    async def suitability_by_guid(self, kind: Kind, guids: Sequence[str]) -> AsyncIterator[list[Suitability]]:
        """The same for those of these objects that are in scope."""
        for condition in any_of(self._conditions[kind], guids):
            async for page in self._suitability(condition):
                yield page

    async def tombstones(self, since: int) -> AsyncIterator[list[Tombstone]]:
        """Contacts and groups that were deleted after the USN `since`, also outside the scope.

        Raises `DeletedObjectsHidden` if the account may not list deleted objects. The inventory then still shows which
        objects are gone, but not whether they were deleted or left the scope.
        """
        container = f"CN=Deleted Objects,{self._naming_context}"
        gone = f"(&(isDeleted=TRUE)(|(objectClass=contact)(objectClass=group))(uSNChanged>={since + 1}))"
        attributes = ("objectGUID", "lastKnownParent", "uSNChanged")
        try:
            await self._check_visible(container)
            async for page in self._session.pages(Search(container, gone, attributes, deleted=True), tombstone):
                yield [found for found in page if found is not None]
        except SearchRefused as refusal:
            raise DeletedObjectsHidden(str(refusal)) from refusal

    async def _check_visible(self, container: str) -> None:
        look = Search(container, "(objectClass=*)", ("objectGUID",), below=False, deleted=True)
        async for page in self._session.pages(look, lambda entry: "objectGUID" in entry.attributes):
            if any(page):
                return
        raise SearchRefused(
            f"The account in CONTACTS_AD_BIND_DN has no permission to list {container}. Ask a domain administrator to "
            f'run: dsacls "{container}" /takeownership, then dsacls "{container}" /G <account>:LCRP'
        )

    async def _suitability(self, condition: str) -> AsyncIterator[list[Suitability]]:
        async for page in self._everywhere(condition, SUITABILITY_ATTRIBUTES, read_suitability):
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
    # LDAP has no "greater than".
    return condition if since is None else f"(&{condition}(uSNChanged>={since + 1}))"


def any_of(condition: str, guids: Sequence[str]) -> Iterator[str]:
    """Filters that together find the objects with these objectGUIDs that match the condition."""
    for start in range(0, len(guids), BY_GUID):
        yield f"(&{condition}(|{''.join(map(guid_filter, guids[start : start + BY_GUID]))}))"


def outermost(bases: Sequence[str]) -> list[str]:
    """The bases without duplicates and those below another one, so that nothing is read twice."""
    kept: list[str] = []
    for base in sorted(bases, key=len):
        if not any(is_below(base, other) for other in kept):
            kept.append(base)
    return kept


def inventory_line(entry: Entry) -> InventoryLine | None:
    """None if the objectGUID cannot be read, which is reported when the object is read in full."""
    try:
        guid = guid_text(entry.attributes["objectGUID"][0])
        return InventoryLine(guid, entry.dn, number(entry.attributes, "uSNChanged"))
    except (LookupError, ValueError, Unreadable):
        return None


def tombstone(entry: Entry) -> Tombstone | None:
    found = inventory_line(entry)
    if found is None:
        return None
    rdn, marked, _ = entry.dn.partition("\\0ADEL:")
    parent = plain_dn(b"".join(entry.attributes.get("lastKnownParent", ())).decode(errors="replace"))
    return Tombstone(found.object_guid, f"{rdn},{parent}" if marked and parent else None, found.usn_changed)


def invocation_of(entry: Entry) -> str | None:
    """None if the account may not read it."""
    try:
        return guid_text(entry.attributes["invocationId"][0])
    except (LookupError, ValueError):
        return None


def usn(root: Attributes, url: str) -> int:
    try:
        return number(root, "highestCommittedUSN")
    except Unreadable as error:
        raise SearchRefused(f"{url} has no highestCommittedUSN. {_CHECK_URLS}") from error
