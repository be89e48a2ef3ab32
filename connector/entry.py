"""An object of the directory as returned by LDAP: a DN, and attributes with values in bytes."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from resolvers.sync.source import Reference

Attributes = Mapping[str, Sequence[bytes]]

# The prefix of a DN under the extended DN control: <GUID=…>; and, for accounts that can sign in, <SID=…>;
EXTENSIONS = re.compile(r"(?:<[^>]*>;)+")
GUID_EXTENSION = re.compile(r"<GUID=([0-9A-Fa-f-]{36})>;")
FIRST_RDN = re.compile(r"(?:\\.|[^,\\])*", re.DOTALL)
# Components of a DN end at a comma without a preceding backslash.
DOMAIN_COMPONENT = re.compile(r"(?:^|(?<!\\),)\s*DC=([^,]+)", re.IGNORECASE)


class Entry(NamedTuple):
    """`dn` has no extensions. Attributes that the object lacks, or that we may not read, are absent."""

    dn: str
    attributes: Attributes


def plain_dn(text: str) -> str:
    """A DN without the prefix of the extended DN control."""
    extensions = EXTENSIONS.match(text)
    return text[extensions.end() :] if extensions else text


def reference(value: bytes) -> Reference | None:
    """The reference in a value read under the extended DN control. None if the value has no objectGUID."""
    text = value.decode(errors="replace")
    guid = GUID_EXTENSION.match(text)
    return Reference(guid[1].lower(), plain_dn(text)) if guid else None


def guid_text(value: bytes) -> str:
    """An objectGUID or invocationId as text. The first three groups are little-endian. Raises ValueError."""
    return str(UUID(bytes_le=bytes(value)))


def guid_filter(guid: str) -> str:
    """An LDAP filter that finds the object with this objectGUID."""
    return "(objectGUID=" + "".join(f"\\{byte:02x}" for byte in UUID(guid).bytes_le) + ")"


def first_rdn(dn: str) -> str:
    """The first component of a DN: CN=Ann for CN=Ann,OU=Partners,DC=corp."""
    found = FIRST_RDN.match(dn)
    return found[0] if found else dn


def domain_of(dn: str) -> str:
    """The DNS name of the domain of a DN: corp.example for CN=Ann,DC=corp,DC=example."""
    return ".".join(component.strip() for component in DOMAIN_COMPONENT.findall(dn)).lower()


def is_below(dn: str, base: str) -> bool:
    """Whether `dn` is `base` or below it. Compares texts, which is enough for DNs from the same server."""
    lower, end = folded(dn), folded(base)
    return lower == end or lower.endswith("," + end)


def folded(dn: str) -> str:
    return re.sub(r"\s*(?<!\\),\s*", ",", dn.strip()).casefold()
