"""The fields of contacts and groups that Active Directory masters."""

from typing import TypedDict


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
