"""How the sync writes batches of contacts; needs no domain controller."""

import pytest

from resolvers import contacts, groups, rules
from resolvers.caller import Caller
from resolvers.errors import NotFound
from resolvers.sync import contacts as sync_contacts
from resolvers.sync import groups as sync_groups
from resolvers.sync.dry_run import DryRun
from resolvers.sync.outcome import WriteOptions
from storage.documents import Document, new_id
from tests.support.consistency import check
from tests.support.people import directory_contact, person
from tests.support.simulation import group


async def test_unforeseen_refusal_skips_one(sync_caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """If one object of a batch cannot be written for an unforeseen reason, the others still are."""
    batch = [directory_contact(f"Person {letter}") for letter in "ABCDE"]
    new_contact = rules.new_contact

    def checked(fields: rules.Fields, *given: object) -> Document:
        if fields["displayName"] == "Person C":
            raise NotFound("contact", "nobody")
        return new_contact(fields, *given)  # type: ignore[arg-type] # passed through

    monkeypatch.setattr(rules, "new_contact", checked)
    outcome = await sync_contacts.apply(sync_caller, batch)
    assert len(outcome.created) == 4
    assert [(each.object_guid, each.code) for each in outcome.skipped] == [(batch[2].object_guid, "NOT_FOUND")]
    await check(sync_caller.db)


async def test_unforeseen_refusal_of_a_manager(sync_caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """If one manager cannot be linked for an unforeseen reason, the others still are."""
    people = [directory_contact(f"Person {letter}") for letter in "ABC"]
    guids = [each.object_guid for each in people]
    await sync_contacts.apply(sync_caller, people)
    await sync_caller.db.contacts.delete_one({"displayName": "Person C"})  # simulates a defect
    outcome = await sync_contacts.link(sync_caller, {guids[0]: guids[1], guids[1]: guids[2], new_id(): guids[0]})
    assert outcome.updated == [guids[0]]


async def test_restored_manager_has_its_reports(sync_caller: Caller, caller: Caller) -> None:
    """An undeleted contact becomes the manager of its former cloud reports again, unless they have another manager."""
    ann = directory_contact("Ann")
    await sync_contacts.apply(sync_caller, [ann])
    manager = (await contacts.contact_by_address(caller, "ann@partner.example") or {})["_id"]
    report, other = [
        await contacts.create_contact(caller, person(name, managerId=manager)) for name in ("Una Cloud", "Ugo Cloud")
    ]
    await sync_contacts.remove(sync_caller, [ann.object_guid])
    await contacts.update_contact(caller, other["_id"], {"managerId": report["_id"]})
    assert (await sync_contacts.apply(sync_caller, [ann])).created == [ann.object_guid]
    found = await contacts.get_contacts(caller, [report["_id"], other["_id"]])
    assert (found[report["_id"]]["managerId"], found[other["_id"]]["managerId"]) == (manager, report["_id"])
    await check(caller.db)


async def test_report_that_is_matched_while_its_manager_returns(sync_caller: Caller, caller: Caller) -> None:
    """A cloud contact that becomes a synced one in the batch that restores its manager gets the sync's data."""
    ann = directory_contact("Ann")
    await sync_contacts.apply(sync_caller, [ann])
    manager = (await contacts.contact_by_address(caller, "ann@partner.example") or {})["_id"]
    una = await contacts.create_contact(caller, person("Una Cloud", managerId=manager))
    await sync_contacts.remove(sync_caller, [ann.object_guid])
    bo = directory_contact("Bo", emailAddress=una["emailAddress"])
    outcome = await sync_contacts.apply(sync_caller, [ann, bo], WriteOptions(soft_match=True))
    assert (outcome.created, outcome.updated, outcome.skipped) == ([ann.object_guid], [bo.object_guid], [])
    await check(caller.db)


@pytest.mark.parametrize("dry_run", [False, True])
async def test_refusals_name_people(sync_caller: Caller, caller: Caller, dry_run: bool) -> None:
    """The message names the holder of an address: a cloud contact, a group, or a contact of the same batch."""
    await contacts.create_contact(caller, person("Una Cloud", emailAddress="una@x.example"))
    await groups.create_group(caller, {"displayName": "Partners", "emailAddress": "team@x.example"})
    wanted = ("una@x.example", "team@x.example", "new@x.example", "new@x.example")
    batch = [directory_contact(f"Person {place}", emailAddress=each) for place, each in enumerate(wanted)]
    options = WriteOptions(dry_run=DryRun() if dry_run else None)
    outcome = await sync_contacts.apply(sync_caller, batch, options)
    assert [each.message for each in outcome.skipped] == [
        f"{address} belongs to the {holder}. Change the address in one of the two places."
        for address, holder in (
            ("una@x.example", "contact Una Cloud"),
            ("team@x.example", "group Partners"),
            ("new@x.example", "contact Person 2"),
        )
    ]
    later = await sync_contacts.apply(sync_caller, batch[3:], options)
    assert "belongs to the contact Person 2." in later.skipped[0].message


async def test_refusals_of_groups_name_people(sync_caller: Caller, caller: Caller) -> None:
    """A group whose address belongs to a contact is skipped, and the message names the contact."""
    await contacts.create_contact(caller, person("Una Cloud", emailAddress="team@x.example"))
    team = group(9, "Team", address="team@x.example")
    for dry_run in (None, DryRun()):
        outcome = await sync_groups.apply(sync_caller, team, WriteOptions(dry_run=dry_run))
        assert "belongs to the contact Una Cloud." in outcome.skipped[0].message
