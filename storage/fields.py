"""The fields of a contact: one table for all interfaces.

Rules, CSV columns, REST, OpenAPI, the mapping from Active Directory, search and filters use it. The typed classes (the
GraphQL types and inputs, `Selection`) are written by hand, and `tests/test_fields.py` fails if one lacks a field.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "phone", "email", "emails", "reference", "flag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a contact.

    `name` is the GraphQL name, under which it is also stored; `address.city` is part of an object. `limit` is the
    maximum length in characters, or, for `emails`, the maximum number. `description` is used in the schema, OpenAPI
    and the docs, and does not contain the limit.

    `column` is the column in our CSV files. `headers` are column names in the files of other programs, best first, as
    normalized by `resolvers.files.columns.plain`. `attribute` is the attribute in Active Directory, or None if it takes
    more than reading one attribute (see `connector.mapping`). `required`: a cloud-only contact must have it.
    `multiline`: it may contain line breaks. `searched`: searches find contacts by its words. `facet`: lists can be
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
        """The last part of the name: `city` for `address.city`."""
        return self.name.rpartition(".")[2]

    @property
    def described(self) -> str:
        """The description, with the limit if it is relevant to people."""
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
        description="Business phone number, as entered.",
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
        description="Mobile phone number, as entered.",
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
        description="Additional email addresses.",
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
        description="Country, as a name or ISO 3166 code. With a code, its dialing rules apply to the phone numbers.",
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
        description="ID of the contact's manager, who is also a contact.",
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
# Texts, including phone numbers. They are stored as entered, trimmed.
TEXTS = tuple(field for field in FIELDS if field.kind in ("text", "phone") and "." not in field.name)
ADDRESS_PARTS = tuple(field for field in FIELDS if field.name.startswith("address."))
PHONES = tuple(field.name for field in FIELDS if field.kind == "phone")
FACETS = tuple(field for field in FIELDS if field.facet)
# The texts that are searched by their words. Phone numbers are searched by digits, addresses by their own words.
SEARCHED_TEXTS = tuple(field.name for field in TEXTS if field.searched and field.kind == "text")


def described(name: str) -> str:
    """The description of a field, with its limit, for the schema and the docs."""
    return BY_NAME[name].described


def camel_name(name: str) -> str:
    """The name of a Python field in the API: `jobTitle` for `job_title`."""
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def python_name(name: str) -> str:
    """The name of a field in Python: `job_title` for `jobTitle`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
