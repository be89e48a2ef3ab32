"""The fields of a contact: one table that every door reads.

Rules, CSV columns, REST, OpenAPI, the mapping from Active Directory, search and filters come from it. The typed classes
(the GraphQL types and inputs, `Selection`) are written out, and `tests/test_fields.py` names any that lacks a field.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "phone", "email", "emails", "reference", "flag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a contact.

    `name` is the GraphQL name under which it is stored and sent; `address.city` is part of an object. `limit` is its
    greatest length in characters, for `emails` their greatest number. `description` says what it is, without its
    limit, for schema, OpenAPI and docs.

    `column` is its column in our CSV files. `headers` are its names in the files of other programs, the best first, as
    `resolvers.files.columns.plain` writes them. `attribute` is where Active Directory has it; None where that takes
    more than reading one attribute (see `connector.mapping`). `required`: a contact made in the cloud needs it.
    `multiline`: it may have line breaks. `searched`: searches find a contact by its words. `facet`: lists can be
    filtered by it.
    """

    name: str
    kind: Kind = "text"
    limit: int
    description: str
    example: str
    column: str
    headers: tuple[str, ...] = ()
    attribute: str | None = None
    required: bool = False
    multiline: bool = False
    searched: bool = False
    facet: bool = False

    @property
    def part(self) -> str:
        """The last part of its name: `city` of `address.city`."""
        return self.name.rpartition(".")[2]

    @property
    def described(self) -> str:
        """Its description, with its limit where people meet it."""
        if self.kind == "text":
            bounds = "1 to" if self.required else "Up to"
            return f"{self.description} {bounds} {self.limit:,} characters."
        return self.description


FIELDS = (
    Field(
        name="displayName",
        limit=256,
        description="Name shown in the directory.",
        example="Ana García",
        column="DisplayName",
        headers=("emaildisplayname", "fullname", "fileas", "name"),
        required=True,
        searched=True,
    ),
    Field(
        name="emailAddress",
        kind="email",
        limit=320,
        description="Primary external email address (RFC 5321, RFC 6531). No two contacts or groups share an address.",
        example="ana.garcia@partner.example",
        column="EmailAddress",
        headers=(
            "externalemailaddress",
            "primarysmtpaddress",
            "windowsemailaddress",
            "email1value",
            "email",
            "email1address",
            "mail",
            "emailprimary",
        ),
        required=True,
        searched=True,
    ),
    Field(
        name="firstName",
        limit=64,
        description="First name.",
        example="Ana",
        column="FirstName",
        headers=("givenname", "forename"),
        attribute="givenName",
        required=True,
        searched=True,
    ),
    Field(
        name="lastName",
        limit=64,
        description="Last name.",
        example="García",
        column="LastName",
        headers=("familyname", "surname", "sn"),
        attribute="sn",
        required=True,
        searched=True,
    ),
    Field(
        name="company",
        limit=128,
        description="Name of the organization.",
        example="Partner Logistics",
        column="Company",
        headers=("companyname", "organization1name", "organizationname", "associatedcompany", "organization"),
        attribute="company",
        searched=True,
        facet=True,
    ),
    Field(
        name="jobTitle",
        limit=128,
        description="Job title.",
        example="Account Manager",
        column="JobTitle",
        headers=("title", "organization1title", "organizationtitle", "position"),
        attribute="title",
        facet=True,
    ),
    Field(
        name="businessPhone",
        kind="phone",
        limit=64,
        description="Business phone number, as it was given.",
        example="+44 20 7946 0958",
        column="BusinessPhone",
        headers=(
            "phone",
            "officephone",
            "workphone",
            "telephonenumber",
            "phonenumber",
            "companymainphone",
            "primaryphone",
        ),
        attribute="telephoneNumber",
        searched=True,
    ),
    Field(
        name="mobilePhone",
        kind="phone",
        limit=64,
        description="Mobile phone number, as it was given.",
        example="+44 7700 900123",
        column="MobilePhone",
        headers=("mobile", "mobilephonenumber", "cellphone", "mobilenumber"),
        attribute="mobile",
        searched=True,
    ),
    Field(
        name="department",
        limit=128,
        description="Department.",
        example="Sales",
        column="Department",
        headers=("organization1department", "organizationdepartment"),
        attribute="department",
        facet=True,
    ),
    Field(
        name="showInGal",
        kind="flag",
        limit=1,
        description="Whether the Global Address List (GAL) shows the contact.",
        example="true",
        column="ShowInGAL",
    ),
    Field(
        name="aliases",
        kind="emails",
        limit=200,
        description="Further email addresses.",
        example="ana@partner.example",
        column="Aliases",
        headers=("emailaliases", "additionalemailaddresses", "workemail"),
        searched=True,
    ),
    Field(
        name="address.street",
        limit=1024,
        description="Street and number. Can have several lines.",
        example="1 High Street",
        column="Street",
        headers=("streetaddress", "businessstreet", "address1street", "address"),
        attribute="streetAddress",
        multiline=True,
    ),
    Field(
        name="address.city",
        limit=128,
        description="City or town.",
        example="London",
        column="City",
        headers=("businesscity", "address1city", "locality"),
        attribute="l",
    ),
    Field(
        name="address.state",
        limit=128,
        description="State, province or region.",
        example="Greater London",
        column="State",
        headers=("stateorprovince", "stateregion", "businessstate", "address1region", "stateprovince", "region"),
        attribute="st",
    ),
    Field(
        name="address.country",
        limit=128,
        description="Country: a name, or an ISO 3166 code, whose dialing rules then apply to the phone numbers.",
        example="GB",
        column="Country",
        headers=(
            "countryorregion",
            "countryregion",
            "businesscountryregion",
            "businesscountry",
            "address1country",
        ),
        facet=True,
    ),
    Field(
        name="address.postalCode",
        limit=40,
        description="Postal or ZIP code.",
        example="SW1A 1AA",
        column="PostalCode",
        headers=("ziporpostalcode", "businesspostalcode", "address1postalcode", "zip", "zipcode"),
        attribute="postalCode",
    ),
    Field(
        name="managerId",
        kind="reference",
        limit=64,
        description="ID of the contact's manager, another contact.",
        example="019a8c5e-7b1d-7c3e-9f00-2f6b1c9d4e11",
        column="Manager",
        headers=("manageremail", "manageremailaddress"),
    ),
    Field(
        name="notes",
        limit=10_000,
        description="Notes. Can have several lines.",
        example="Prefers email.",
        column="Notes",
        headers=("note", "description"),
        attribute="info",
        multiline=True,
    ),
)

BY_NAME = {field.name: field for field in FIELDS}
# Texts, phone numbers included: what is stored as it is given, trimmed.
TEXTS = tuple(field for field in FIELDS if field.kind in ("text", "phone") and "." not in field.name)
ADDRESS_PARTS = tuple(field for field in FIELDS if field.name.startswith("address."))
PHONES = tuple(field.name for field in FIELDS if field.kind == "phone")
FACETS = tuple(field for field in FIELDS if field.facet)
# What searches read: texts as words, phone numbers as digits. Addresses have words of their own.
SEARCHED_TEXTS = tuple(field.name for field in TEXTS if field.searched and field.kind == "text")


def described(name: str) -> str:
    """What a field is and how long it may be, for the schema and the docs."""
    return BY_NAME[name].described


def python_name(name: str) -> str:
    """The name of a field in Python: `job_title` of `jobTitle`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
