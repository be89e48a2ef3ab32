"""The inputs that clients send, and their conversion to the plain values that the resolvers take."""

import dataclasses
from datetime import datetime
from enum import Enum
from functools import cached_property
from typing import cast

import strawberry
from strawberry import Maybe, Some

from resolvers.contacts import ORDERINGS
from resolvers.errors import InvalidRequest
from resolvers.rules import MAX_ALIASES
from schema.documents import stored_name
from schema.types.node import ContactSource, GalVisibility
from storage.documents import Gal, Source
from storage.fields import described
from storage.lists.pages import Ordering
from storage.lists.selection import Selection

_ALIASES = f"Up to {MAX_ALIASES} additional email addresses."
_ADDRESS = "Postal address."


@strawberry.enum(description="Field to sort contacts by.")
class ContactOrderField(Enum):
    DISPLAY_NAME = strawberry.enum_value("DISPLAY_NAME", description="Display name, ignoring case and accents.")
    EMAIL_ADDRESS = strawberry.enum_value("EMAIL_ADDRESS", description="Primary email address, ignoring case.")
    COMPANY = strawberry.enum_value(
        "COMPANY", description="Company, ignoring case and accents. Contacts without a company are first."
    )
    CREATED_AT = strawberry.enum_value("CREATED_AT", description="When the contact was created.")
    UPDATED_AT = strawberry.enum_value("UPDATED_AT", description="When the contact was last changed.")


@strawberry.enum(description="Direction of a sort.")
class OrderDirection(Enum):
    ASC = strawberry.enum_value("ASC", description="Ascending: A to Z, earliest first.")
    DESC = strawberry.enum_value("DESC", description="Descending: Z to A, latest first.")


@strawberry.input(description="How to sort contacts.")
class ContactOrder:
    field: ContactOrderField = strawberry.field(description="Field to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Direction of the sort.")

    @cached_property
    def ordering(self) -> Ordering:
        """The ordering for the storage."""
        field = ORDERINGS[stored_name(self.field.name.lower())]
        return Ordering(field, descending=self.direction is OrderDirection.DESC)


@strawberry.input(description="Conditions that contacts must match, all of them. Null does not filter.")
class ContactFilter:
    source: ContactSource | None = strawberry.field(default=None, description="Where contacts are managed.")
    gal: GalVisibility | None = strawberry.field(
        default=None, description="Whether the Global Address List (GAL) shows the contacts."
    )
    company: str | None = strawberry.field(default=None, description="Company, ignoring case and accents.")
    department: str | None = strawberry.field(default=None, description="Department, ignoring case and accents.")
    job_title: str | None = strawberry.field(default=None, description="Job title, ignoring case and accents.")
    country: str | None = strawberry.field(
        default=None, description="Country of the postal address, as entered, ignoring case and accents."
    )
    email_domain: str | None = strawberry.field(
        default=None, description="Domain of any of the contact's email addresses, such as `partner.example`."
    )
    group_id: strawberry.ID | None = strawberry.field(
        default=None, description="ID of a group that the contacts are members of."
    )
    manager_id: strawberry.ID | None = strawberry.field(default=None, description="ID of the contacts' manager.")
    updated_since: datetime | None = strawberry.field(default=None, description="Changed at this time or later.")
    ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Up to 500 contact IDs.")

    @cached_property
    def selection(self) -> Selection:
        """The selection of contacts that this filter describes."""
        return Selection(
            source=cast("Source | None", self.source and self.source.name),
            gal=cast("Gal | None", self.gal and self.gal.name),
            company=self.company,
            department=self.department,
            job_title=self.job_title,
            country=self.country,
            email_domain=self.email_domain,
            group_id=self.group_id,
            manager_id=self.manager_id,
            updated_since=self.updated_since,
            ids=self.ids,
        )


def selection(given: ContactFilter | None, *, group_id: str | None = None, search: str | None = None) -> Selection:
    """The selection of contacts that match a filter and a search, optionally among the members of a group."""
    if given is None:
        return Selection(group_id=group_id, search=search)
    if group_id is None and search is None:
        return given.selection
    if group_id is not None and given.group_id is not None and given.group_id != group_id:
        raise InvalidRequest("filter.groupId is not the ID of the group whose members are listed. Omit it.")
    return dataclasses.replace(given.selection, group_id=group_id or given.group_id, search=search)


@strawberry.input(
    description="A postal address. In an update, omitted parts keep their values, and null clears a part."
)
class PostalAddressInput:
    street: Maybe[str | None] = strawberry.field(description=described("address.street"))
    city: Maybe[str | None] = strawberry.field(description=described("address.city"))
    state: Maybe[str | None] = strawberry.field(description=described("address.state"))
    country: Maybe[str | None] = strawberry.field(description=described("address.country"))
    postal_code: Maybe[str | None] = strawberry.field(description=described("address.postalCode"))


@strawberry.input(description="A cloud-only contact to create.")
class CreateContactInput:
    first_name: str = strawberry.field(description=described("firstName"))
    last_name: str = strawberry.field(description=described("lastName"))
    display_name: str = strawberry.field(description=described("displayName"))
    email_address: str = strawberry.field(description=described("emailAddress"))
    aliases: list[str] | None = strawberry.field(default=None, description=_ALIASES)
    company: str | None = strawberry.field(default=None, description=described("company"))
    job_title: str | None = strawberry.field(default=None, description=described("jobTitle"))
    department: str | None = strawberry.field(default=None, description=described("department"))
    business_phone: str | None = strawberry.field(default=None, description=described("businessPhone"))
    mobile_phone: str | None = strawberry.field(default=None, description=described("mobilePhone"))
    address: PostalAddressInput | None = strawberry.field(default=None, description=_ADDRESS)
    manager_id: strawberry.ID | None = strawberry.field(default=None, description=described("managerId"))
    notes: str | None = strawberry.field(default=None, description=described("notes"))
    show_in_gal: bool | None = strawberry.field(default=True, description=described("showInGal"))


@strawberry.input(description="Changes of a contact. Omitted fields keep their values; null clears an optional field.")
class UpdateContactInput:
    id: strawberry.ID = strawberry.field(description="ID of the contact.")
    expected_version: int | None = strawberry.field(
        default=None,
        description="Fail with a `VersionConflict` unless the contact has this version, to avoid overwriting other "
        "changes.",
    )
    first_name: Maybe[str | None] = strawberry.field(description="First name. Cannot be cleared.")
    last_name: Maybe[str | None] = strawberry.field(description="Last name. Cannot be cleared.")
    display_name: Maybe[str | None] = strawberry.field(description="Display name. Cannot be cleared.")
    email_address: Maybe[str | None] = strawberry.field(description="Primary email address. Cannot be cleared.")
    aliases: Maybe[list[str] | None] = strawberry.field(description=_ALIASES + " Replaces all.")
    company: Maybe[str | None] = strawberry.field(description=described("company"))
    job_title: Maybe[str | None] = strawberry.field(description=described("jobTitle"))
    department: Maybe[str | None] = strawberry.field(description=described("department"))
    business_phone: Maybe[str | None] = strawberry.field(description=described("businessPhone"))
    mobile_phone: Maybe[str | None] = strawberry.field(description=described("mobilePhone"))
    address: Maybe[PostalAddressInput | None] = strawberry.field(description=_ADDRESS)
    manager_id: Maybe[strawberry.ID | None] = strawberry.field(description=described("managerId"))
    notes: Maybe[str | None] = strawberry.field(description=described("notes"))
    show_in_gal: Maybe[bool | None] = strawberry.field(description=described("showInGal") + " Null means true.")


@strawberry.input(description="A distribution group to create.")
class CreateGroupInput:
    display_name: str = strawberry.field(description="Name of the group. 1 to 256 characters.")
    email_address: str = strawberry.field(description="Email address. No two contacts or groups share an address.")
    description: str | None = strawberry.field(
        default=None, description="Purpose of the group. Up to 1,024 characters."
    )


@strawberry.input(description="Changes of a group. Omitted fields keep their values; null clears the description.")
class UpdateGroupInput:
    id: strawberry.ID = strawberry.field(description="ID of the group.")
    expected_version: int | None = strawberry.field(
        default=None,
        description="Fail with a `GroupVersionConflict` unless the group has this version, to avoid overwriting other "
        "changes.",
    )
    display_name: Maybe[str | None] = strawberry.field(description="Name of the group. Cannot be cleared.")
    email_address: Maybe[str | None] = strawberry.field(description="Email address. Cannot be cleared.")
    description: Maybe[str | None] = strawberry.field(description="Purpose of the group. Up to 1,024 characters.")


_ENVELOPE = frozenset({"id", "expected_version"})


def fields(given: object) -> dict[str, object]:
    """The fields that are set in an input, by GraphQL name."""
    found: dict[str, object] = {}
    # Inputs are dataclasses, but the decorator hides that from the type checker.
    for each in dataclasses.fields(given):  # type: ignore[arg-type]
        value = getattr(given, each.name)
        if isinstance(value, Some):
            found[stored_name(each.name)] = _plain(value.value)
        elif value is not None and each.name not in _ENVELOPE:
            found[stored_name(each.name)] = _plain(value)
    return found


def _plain(value: object) -> object:
    return fields(value) if isinstance(value, PostalAddressInput) else value
