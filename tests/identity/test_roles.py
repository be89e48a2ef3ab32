"""Roles and names in the claims of several providers."""

from typing import Any

import pytest

from identity.people import identity_of
from identity.roles import role_of, value_at
from resolvers.caller import Role

ADMIN = ["Contacts.Admin"]


@pytest.mark.parametrize(
    ("path", "claims"),
    [
        ("roles", {"roles": ADMIN}),
        ("realm_access.roles", {"realm_access": {"roles": ADMIN}}),
        ("resource_access.contacts.roles", {"resource_access": {"contacts": {"roles": ADMIN}}}),
        ("resource_access.contacts.api.roles", {"resource_access": {"contacts.api": {"roles": ADMIN}}}),
        ("https://contacts.example/roles", {"https://contacts.example/roles": ADMIN}),
        ("https://contacts.example/app.roles", {"https://contacts.example/app": {"roles": ADMIN}}),
        ("a.b", {"a.b": ADMIN, "a": {"b": ["Contacts.Read"]}}),
    ],
)
def test_path(path: str, claims: dict[str, Any]) -> None:
    """The roles claim is found by its whole name, or within other claims."""
    assert value_at(claims, path) == ADMIN
    assert role_of(claims, path, None) is Role.ADMIN


@pytest.mark.parametrize(
    "claims", [{}, {"a": None}, {"a": []}, {"a": "b"}, {"a": {"c": 1}}, {"a": {"b": None}}], ids=str
)
def test_no_such_claim(claims: dict[str, Any]) -> None:
    """Without the claim there is no role."""
    assert value_at(claims, "a.b") is None
    assert role_of(claims, "a.b", None) is None


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        (["Contacts.Read"], Role.READER),
        (["Contacts.ReadWrite", "Contacts.Read"], Role.EDITOR),
        (["offline_access", 7, None, ["Contacts.Admin"], "Contacts.Read"], Role.READER),
        ("Contacts.Read Contacts.Admin", Role.ADMIN),
        ("openid,Contacts.Read, Contacts.ReadWrite", Role.EDITOR),
        ("Contacts.ReadAll", None),
        ("", None),
        ([], None),
        ({"Contacts.Admin": True}, None),
        (True, None),
        (3, None),
    ],
    ids=str,
)
def test_highest_role(granted: object, expected: Role | None) -> None:
    """The highest role counts, in a list or a text; anything else is ignored."""
    assert role_of({"roles": granted}, "roles", None) == expected


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"preferred_username": "ada", "email": "ada@contoso.example", "name": "Ada"}, "ada"),
        ({"upn": "ada@contoso.example", "name": "Ada"}, "ada@contoso.example"),
        ({"email": "ada@contoso.example", "name": "Ada"}, "ada@contoso.example"),
        ({"name": "Ada"}, "Ada"),
        ({"client_id": "script"}, "script"),
        ({}, "id-1"),
        ({"preferred_username": "", "name": "Ada"}, "Ada"),
        ({"preferred_username": 7, "name": ["Ada"]}, "id-1"),
        ({"name": "Ada\r\n\x00\x1b[31m\u202eLovelace\ud800"}, "Ada [31mLovelace"),
        ({"name": "می\u200cخواهم"}, "می\u200cخواهم"),
        ({"name": "a" * 300}, "a" * 256),
    ],
    ids=str,
)
def test_name(claims: dict[str, Any], expected: str) -> None:
    """The name is the first there is, in one line of at most 256 characters, without control characters."""
    assert identity_of({"sub": "id-1"} | claims, None, None, 0).name == expected


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"sub": "script", "client_id": "script"}, "APP"),
        ({"sub": "script", "azp": "script"}, "APP"),
        ({"sub": "script", "cid": "script"}, "APP"),
        ({"sub": "script@clients", "azp": "script", "gty": "client-credentials"}, "APP"),
        ({"sub": "id-1", "azp": "Script", "preferred_username": "service-account-script"}, "APP"),
        ({"sub": "id-1", "azp": "script", "preferred_username": "ada"}, "USER"),
        ({"sub": "id-1", "client_id": "script", "gty": "password"}, "USER"),
    ],
    ids=str,
)
def test_kind(claims: dict[str, Any], expected: str) -> None:
    """An app that acts for itself is told apart from a user."""
    assert identity_of(claims, None, None, 0).kind == expected
