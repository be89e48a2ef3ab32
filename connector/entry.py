"""One object of the directory as LDAP gives it: a DN and attributes of bytes."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from resolvers.sync.source import Reference

Attributes = Mapping[str, Sequence[bytes]]

# What the extended DN control puts before a DN: <GUID=…>; and, for those who can sign in, <SID=…>;
EXTENSIONS = re.compile(r"(?:<[^>]*>;)+")
GUID_EXTENSION = re.compile(r"<GUID=([0-9A-Fa-f-]{36})>;")
FIRST_RDN = re.compile(r"(?:\\.|[^,\\])*", re.DOTALL)
# Components of a DN end at a comma that no backslash precedes.
DOMAIN_COMPONENT = re.compile(r"(?:^|(?<!\\),)\s*DC=([^,]+)", re.IGNORECASE)


class Entry(NamedTuple):
    """`dn` without extensions; an attribute that the object lacks, or that we may not see, is absent."""

    dn: str
    attributes: Attributes


def plain_dn(text: str) -> str:
    """A DN without what the extended DN control adds."""
    extensions = EXTENSIONS.match(text)
    return text[extensions.end() :] if extensions else text


def reference(value: bytes) -> Reference | None:
    """A DN-valued attribute read under the extended DN control; None if it is not one."""
    text = value.decode(errors="replace")
    guid = GUID_EXTENSION.match(text)
    return Reference(guid[1].lower(), plain_dn(text)) if guid else None


def guid_text(value: bytes) -> str:
    """An objectGUID or invocationId as text; its first three groups are little-endian. Raises ValueError."""
    return str(UUID(bytes_le=bytes(value)))


def guid_filter(guid: str) -> str:
    """An LDAP filter that finds the object with this objectGUID."""
    return "(objectGUID=" + "".join(f"\\{byte:02x}" for byte in UUID(guid).bytes_le) + ")"


def first_rdn(dn: str) -> str:
    """What a DN names within its parent: CN=Ann of CN=Ann,OU=Partners,DC=corp."""
    found = FIRST_RDN.match(dn)
    return found[0] if found else dn


def domain_of(dn: str) -> str:
    """The DNS name of the domain that a DN lies in: CN=Ann,DC=corp,DC=example gives corp.example."""
    return ".".join(component.strip() for component in DOMAIN_COMPONENT.findall(dn)).lower()


def is_below(dn: str, base: str) -> bool:
    """Whether `dn` is `base` or lies below it, by letters; DNs that one server printed compare well so."""
    lower, end = folded(dn), folded(base)
    return lower == end or lower.endswith("," + end)


def folded(dn: str) -> str:
    return re.sub(r"\s*(?<!\\),\s*", ",", dn.strip()).casefold()
