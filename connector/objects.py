"""What the connector hands on besides contacts and groups: their fields, and notes on objects left out or gone."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict


class Reason(StrEnum):
    """Why an object is not synced."""

    NO_ANCHOR = "NO_ANCHOR"
    CONFLICT_OBJECT = "CONFLICT_OBJECT"
    CRITICAL_SYSTEM_OBJECT = "CRITICAL_SYSTEM_OBJECT"
    SYSTEM_MAILBOX = "SYSTEM_MAILBOX"
    NO_ADDRESS = "NO_ADDRESS"
    NO_NAME = "NO_NAME"
    UNREADABLE_VALUE = "UNREADABLE_VALUE"


class Address(TypedDict):
    street: str | None
    city: str | None
    state: str | None
    country: str | None
    postalCode: str | None


class ContactFields(TypedDict):
    """Every field that Active Directory masters, None where it has no value: together the contact's whole state."""

    displayName: str
    firstName: str | None
    lastName: str | None
    emailAddress: str
    aliases: list[str]
    company: str | None
    department: str | None
    jobTitle: str | None
    businessPhone: str | None
    mobilePhone: str | None
    address: Address | None
    notes: str | None
    showInGal: bool


class GroupFields(TypedDict):
    displayName: str
    emailAddress: str
    description: str | None


@dataclass(frozen=True, slots=True)
class Skipped:
    """An object left out. `object_guid` is None only for NO_ANCHOR."""

    object_guid: str | None
    distinguished_name: str
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an object in scope is such as is synced: no system or conflict object, and one with an address."""

    object_guid: str
    suitable: bool


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A contact or group that was deleted; `last_dn` is where it was then, as far as the directory tells."""

    object_guid: str
    last_dn: str | None
    usn_changed: int
