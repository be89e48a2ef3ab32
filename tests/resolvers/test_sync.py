"""What the sync makes of what Active Directory says, batch by batch, without any domain controller."""

import pytest

from resolvers import rules, sync
from resolvers.directory import Directory
from resolvers.errors import NotFound
from storage.documents import Document, new_id
from tests.consistency import check
from tests.people import directory_contact


async def test_unforeseen_refusal_skips_one(sync_directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """When one object of a batch cannot be written for a reason that nobody thought of, the others are."""
    batch = [directory_contact(f"Person {letter}") for letter in "ABCDE"]
    new_contact = rules.new_contact

    def checked(fields: rules.Fields, *given: object) -> Document:
        if fields["displayName"] == "Person C":
            raise NotFound("contact", "nobody")
        return new_contact(fields, *given)  # type: ignore[arg-type] # as they were given

    monkeypatch.setattr(rules, "new_contact", checked)
    outcome = await sync.apply(sync_directory, batch)
    assert len(outcome.created) == 4
    assert [(each.object_guid, each.code) for each in outcome.skipped] == [(batch[2].object_guid, "NOT_FOUND")]
    await check(sync_directory.db)


async def test_unforeseen_refusal_of_a_manager(sync_directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """When one manager cannot be linked for such a reason, the others are."""
    people = [directory_contact(f"Person {letter}") for letter in "ABC"]
    guids = [each.object_guid for each in people]
    await sync.apply(sync_directory, people)
    await sync_directory.db.contacts.delete_one({"displayName": "Person C"})  # what a defect might do
    outcome = await sync.link(sync_directory, {guids[0]: guids[1], guids[1]: guids[2], new_id(): guids[0]})
    assert outcome.updated == [guids[0]]
