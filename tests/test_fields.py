"""The table of fields: every interface has every field, under its own name."""

import dataclasses
from collections.abc import Collection

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, build_schema

from cli import commands
from connector.mapping import CONTACT_ATTRIBUTES
from resolvers import rules
from resolvers.files.columns import COLUMNS, recognize
from rest import openapi, parameters, representation
from schema.build import SDL
from storage.fields import FACETS, FIELDS, Field, python_name
from storage.lists.selection import Selection

SCHEMA = build_schema(SDL.read_text(encoding="utf-8"))
WHOLE = dict.fromkeys(field.name.partition(".")[0] for field in FIELDS)
PARTS = [field.part for field in FIELDS if field.name.startswith("address.")]
# Fields that GraphQL shows under another name or in another form.
SHOWN_AS = {"managerId": "manager", "showInGal": "gal"}
# Fields that take more than reading one attribute of Active Directory.
COMPOSED = {
    "displayName": "displayName",
    "emailAddress": "proxyAddresses",
    "aliases": "proxyAddresses",
    "address.country": "co",
    "managerId": "manager",
    "showInGal": "msExchHideFromAddressLists",
}


def fields_of(name: str) -> Collection[str]:
    """The fields of a type or input of the schema."""
    kind = SCHEMA.type_map[name]
    assert isinstance(kind, GraphQLObjectType | GraphQLInputObjectType)
    names: Collection[str] = kind.fields.keys()
    return names


def properties(name: str) -> Collection[str]:
    """The properties of a schema in the OpenAPI document."""
    found: Collection[str] = openapi.document()["components"]["schemas"][name]["properties"].keys()
    return found


INTERFACES: dict[str, tuple[Collection[str], Collection[str]]] = {
    "rules": (rules.FIELDS, WHOLE),
    "rules of an address": (rules.ADDRESS_LENGTHS, PARTS),
    "GraphQL, Contact": (fields_of("Contact"), [SHOWN_AS.get(name, name) for name in WHOLE]),
    "GraphQL, PostalAddress": (fields_of("PostalAddress"), PARTS),
    "GraphQL, PostalAddressInput": (fields_of("PostalAddressInput"), PARTS),
    "GraphQL, CreateContactInput": (fields_of("CreateContactInput"), WHOLE),
    "GraphQL, UpdateContactInput": (fields_of("UpdateContactInput"), WHOLE),
    "GraphQL, ImportRowInput": (fields_of("ImportRowInput"), WHOLE),
    "GraphQL, ContactFilter": (fields_of("ContactFilter"), [field.part for field in FACETS]),
    "REST, contact": (representation.STORED, [name for name in WHOLE if name != "showInGal"]),
    "REST, filters": (parameters.FILTERS, [field.part for field in FACETS]),
    "OpenAPI, Contact": (properties("Contact"), ["gal" if name == "showInGal" else name for name in WHOLE]),
    "OpenAPI, NewContact": (properties("NewContact"), WHOLE),
    "OpenAPI, PostalAddress": (properties("PostalAddress"), PARTS),
    "selection": (
        [field.name for field in dataclasses.fields(Selection)],
        [python_name(field.part) for field in FACETS],
    ),
    "command line, export": (
        commands.export_contacts.__annotations__,
        [python_name(field.part) for field in FACETS],
    ),
}


@pytest.mark.parametrize("interface", INTERFACES)
def test_every_interface_has_every_field(interface: str) -> None:
    """Each interface has all fields of the table, or all facets if it filters."""
    present, expected = INTERFACES[interface]
    assert sorted(set(expected) - set(present)) == [], f"{interface} lacks fields"


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_field_has_a_column(field: Field) -> None:
    """Each field has a column in our files, and an import detects it by our name and by those of other programs."""
    wanted = "manager" if field.name == "managerId" else field.name
    assert COLUMNS[field.column] == wanted
    for header in (field.column, *field.headers):
        assert wanted in recognize([header], {}, needed=()).places


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_field_is_read_from_active_directory(field: Field) -> None:
    """The sync reads the attribute of each field."""
    assert (field.attribute or COMPOSED[field.name]) in CONTACT_ATTRIBUTES


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_field_is_described(field: Field) -> None:
    """A description is a sentence, and an example is within the limit."""
    assert field.description.endswith(".")
    assert field.example
    if field.kind in ("text", "phone", "email", "reference"):
        assert len(field.example) <= field.limit
