"""Selections: which contacts they find in the database, and whether they match a single contact."""

from datetime import UTC, datetime
from typing import Any

import pytest

from resolvers import contacts, groups
from resolvers.caller import Caller
from storage.lists.selection import Selection
from tests.support.people import person, synced

LONG_AGO, FAR_AHEAD = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"source": "CLOUD"},
        {"source": "SYNCED"},
        {"gal": "HIDDEN"},
        {"source": "CLOUD", "gal": "VISIBLE"},
        {"company": "ÁCME"},
        {"company": "acme", "department": "sales"},
        {"job_title": "Head"},
        {"country": "PT"},
        {"email_domain": "@Other.example"},
        {"updated_since": LONG_AGO},
        {"updated_since": FAR_AHEAD},
        {"search": "an sil"},
        {"search": "bob@"},
        {"search": "+351 21"},
        {"search": "nobody"},
        {"ids": []},
        {"ids": ["unknown"]},
        {"company": "acme", "search": "ana", "gal": "VISIBLE"},
    ],
    ids=str,
)
async def test_matches_what_it_finds(caller: Caller, sync_caller: Caller, wanted: dict[str, Any]) -> None:
    """`matches` is true for exactly the contacts that `query` finds."""
    boss = await contacts.create_contact(caller, person("Ana Silva", company="Acme", department="Sales"))
    group = await groups.create_group(caller, {"displayName": "Team", "emailAddress": "team@our.example"})
    bob = await contacts.create_contact(
        caller,
        person("Bob", aliases=["b@other.example"], showInGal=False, managerId=boss["_id"], address={"country": "PT"}),
    )
    await contacts.create_contact(caller, person("Cleo", jobTitle="Head", businessPhone="+351 21 123 4567"))
    await groups.add_contacts(caller, group["_id"], [bob["_id"]])
    await synced(sync_caller)
    everyone = await caller.db.contacts.find({}).to_list(None)
    for more in ({}, {"group_id": group["_id"]}, {"manager_id": boss["_id"]}, {"ids": [bob["_id"], boss["_id"]]}):
        selection = Selection(**{**more, **wanted})
        found = await caller.db.contacts.find(selection.query()).to_list(None)
        assert {each["_id"] for each in everyone if selection.matches(each)} == {each["_id"] for each in found}
