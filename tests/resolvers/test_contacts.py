"""Contacts: create, update, delete and restore them, on a real MongoDB."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from resolvers import contacts, groups, statistics
from resolvers.caller import Caller
from resolvers.errors import (
    ContactReadOnly,
    EmailAddressTaken,
    InvalidInput,
    ManagerCycle,
    NotFound,
    Problem,
    VersionConflict,
)
from resolvers.sync.cloud_only import make_cloud_only
from resolvers.sync.contacts import apply, remove
from storage.documents import Document, created_at
from storage.driver import Database
from storage.lists.pages import Ordering, Window
from storage.lists.selection import Selection
from tests.support.consistency import check
from tests.support.people import directory_contact, person, synced

NAME = Ordering("keys.name")


async def outcome(work: Awaitable[Document]) -> Document | Problem:
    """The result of a call: the document, or the refusal."""
    try:
        return await work
    except Problem as problem:
        return problem


async def names(caller: Caller, **wanted: object) -> list[str]:
    """The display names of the selected contacts."""
    selection = Selection(**wanted)  # type: ignore[arg-type] # each test sets what the field accepts
    page = await contacts.list_contacts(caller, selection, NAME, Window(100))
    return [each["displayName"] for each in page.documents]


async def test_created_contact_is_read_back(caller: Caller) -> None:
    """A new contact is found by its ID and by each of its addresses, ignoring case."""
    made = await contacts.create_contact(caller, person(aliases=["second@partner.example"]))
    assert made["source"] == "CLOUD"
    assert made["gal"] == "VISIBLE"
    assert made["version"] == 1
    assert made["createdAt"] == created_at(made["_id"])
    for address in ("ANA.SILVA@partner.EXAMPLE", "second@partner.example"):
        found = await contacts.contact_by_address(caller, address)
        assert found is not None
        assert found["_id"] == made["_id"]


async def test_racing_creates_of_one_address_make_one_contact(caller: Caller) -> None:
    """If several contacts claim an address at once, one gets it, and the others get its holder."""
    outcomes = await asyncio.gather(*(outcome(contacts.create_contact(caller, person())) for _ in range(8)))
    (winner,) = [each for each in outcomes if isinstance(each, dict)]
    taken = [each for each in outcomes if isinstance(each, EmailAddressTaken)]
    assert len(taken) == 7
    assert {each.holder["_id"] for each in taken} == {winner["_id"]}
    await check(caller.db)


async def test_alias_of_another_is_taken(caller: Caller) -> None:
    """Primary addresses and aliases share one namespace, including those of groups."""
    await contacts.create_contact(caller, person(aliases=["shared@partner.example"]))
    group = await groups.create_group(caller, {"displayName": "All", "emailAddress": "all@partner.example"})
    for fields in ({"emailAddress": "Shared@Partner.example"}, {"aliases": ["ALL@partner.example"]}):
        with pytest.raises(EmailAddressTaken) as caught:
            await contacts.create_contact(caller, person("Bo Li", **fields))
    assert caught.value.holder["_id"] == group["_id"]


async def test_address_is_free_again_after_update(caller: Caller) -> None:
    """An address that a contact gives up can be taken immediately."""
    first = await contacts.create_contact(caller, person())
    await contacts.update_contact(caller, first["_id"], {"emailAddress": "new@partner.example"})
    await contacts.create_contact(caller, person("Bo Li", emailAddress="ana.silva@partner.example"))
    await check(caller.db)


async def test_update_changes_only_what_is_given(caller: Caller) -> None:
    """An update keeps other fields, increases the version and is recorded."""
    made = await contacts.create_contact(caller, person(company="Acme", notes="x"))
    after = await contacts.update_contact(caller, made["_id"], {"notes": None, "jobTitle": "Buyer"})
    assert (after["company"], after["jobTitle"], after["version"]) == ("Acme", "Buyer", 2)
    stored = await contacts.get_contact(caller, made["_id"])
    assert stored is not None
    assert "notes" not in stored
    changes = (await contacts.list_history(caller, made["_id"], Window(9))).documents
    assert [(each["action"], each["version"], each["by"], each["through"]) for each in changes] == [
        ("UPDATED", 2, "tester", "graphql"),
        ("CREATED", 1, "tester", "graphql"),
    ]
    assert (changes[0]["before"], changes[0]["after"]) == ({"notes": "x"}, {"jobTitle": "Buyer"})


async def test_update_that_changes_nothing_writes_nothing(caller: Caller) -> None:
    """Sending the current values creates no new version."""
    made = await contacts.create_contact(caller, person(company="Acme"))
    assert (await contacts.update_contact(caller, made["_id"], {"company": "Acme "}))["version"] == 1


async def test_expected_version(caller: Caller) -> None:
    """An update or deletion of an outdated version is refused with the current state."""
    made = await contacts.create_contact(caller, person())
    await contacts.update_contact(caller, made["_id"], {"notes": "x"}, expected_version=1)
    with pytest.raises(VersionConflict) as caught:
        await contacts.update_contact(caller, made["_id"], {"notes": "y"}, expected_version=1)
    assert caught.value.current["notes"] == "x"
    with pytest.raises(VersionConflict):
        await contacts.delete_contact(caller, made["_id"], expected_version=1)


async def test_racing_updates_of_other_fields_all_take_effect(caller: Caller) -> None:
    """Concurrent updates of different fields are all kept."""
    made = await contacts.create_contact(caller, person())
    fields = ["company", "jobTitle", "department", "notes", "businessPhone"]
    await asyncio.gather(*(contacts.update_contact(caller, made["_id"], {each: "12345"}) for each in fields))
    stored = await contacts.get_contact(caller, made["_id"])
    assert stored is not None
    assert [stored.get(each) for each in fields] == ["12345"] * 5
    assert stored["version"] == 6
    await check(caller.db)


@pytest.mark.parametrize("version", [0, -1, 2])
async def test_no_contact_has_an_impossible_version(caller: Caller, version: int) -> None:
    """A version that the contact never had, including zero, prevents a deletion."""
    made = await contacts.create_contact(caller, person())
    with pytest.raises(VersionConflict):
        await contacts.delete_contact(caller, made["_id"], expected_version=version)
    assert await contacts.get_contact(caller, made["_id"])


async def test_unknown_ids(caller: Caller) -> None:
    """An unknown contact cannot be changed."""
    for work in (contacts.update_contact(caller, "x", {}), contacts.restore_contact(caller, "x")):
        with pytest.raises(NotFound):
            await work
    with pytest.raises(NotFound):
        await contacts.delete_contact(caller, "x")


async def test_synced_contact_is_read_only(caller: Caller, sync_caller: Caller) -> None:
    """A synced contact cannot be updated, not even without changes, or deleted; the message says where to edit it."""
    contact = await synced(sync_caller)
    for fields in ({"notes": "x"}, {}, {"showInGal": False}, {"managerId": None}):
        with pytest.raises(ContactReadOnly, match="CN=Ivo Horvat,OU=Contacts"):
            await contacts.update_contact(caller, contact["_id"], fields)
    with pytest.raises(ContactReadOnly):
        await contacts.delete_contact(caller, contact["_id"])
    assert (await contacts.get_contact(caller, contact["_id"])) == contact


async def test_deleted_synced_contact_stays_deleted_in_the_cloud(caller: Caller, sync_caller: Caller) -> None:
    """A contact deleted in Active Directory is restored there, not from the recycle bin."""
    contact = await synced(sync_caller)
    await remove(sync_caller, [contact["onPremises"]["objectGuid"]])
    with pytest.raises(ContactReadOnly):
        await contacts.restore_contact(caller, contact["_id"])


async def test_manager_must_exist(caller: Caller) -> None:
    """An unknown manager is refused with the name of the field."""
    with pytest.raises(NotFound) as caught:
        await contacts.create_contact(caller, person(managerId="nobody"))
    assert caught.value.field == "managerId"


async def test_manager_cycles_are_refused(caller: Caller) -> None:
    """A contact cannot be its own manager, directly or indirectly."""
    top = await contacts.create_contact(caller, person("Top One"))
    mid = await contacts.create_contact(caller, person("Mid One", managerId=top["_id"]))
    low = await contacts.create_contact(caller, person("Low One", managerId=mid["_id"]))
    assert await names(caller, manager_id=top["_id"]) == ["Mid One"]
    for manager in (top, low):
        with pytest.raises(ManagerCycle):
            await contacts.update_contact(caller, top["_id"], {"managerId": manager["_id"]})


async def test_racing_managers_close_no_cycle(caller: Caller) -> None:
    """If two contacts become each other's managers at once, one is refused."""
    for round_ in range(5):
        a, b = [await contacts.create_contact(caller, person(f"Pair{round_} {x}")) for x in "ab"]
        outcomes = await asyncio.gather(
            outcome(contacts.update_contact(caller, a["_id"], {"managerId": b["_id"]})),
            outcome(contacts.update_contact(caller, b["_id"], {"managerId": a["_id"]})),
        )
        assert sorted(type(each).__name__ for each in outcomes) == ["ManagerCycle", "dict"]


async def test_delete_and_restore(caller: Caller) -> None:
    """A deleted contact frees its address and leaves no references; restoring it brings everything back."""
    boss = await contacts.create_contact(caller, person("Big Boss"))
    made = await contacts.create_contact(caller, person(managerId=boss["_id"], showInGal=False))
    report = await contacts.create_contact(caller, person("Low One", managerId=made["_id"]))
    group = await groups.create_group(caller, {"displayName": "G", "emailAddress": "g@partner.example"})
    await groups.add_contacts(caller, group["_id"], [made["_id"]])

    await contacts.delete_contact(caller, made["_id"])
    await check(caller.db)
    assert await contacts.get_contact(caller, made["_id"]) is None
    assert (await statistics.contact_stats(caller))["hiddenFromGal"] == 0
    orphan = await contacts.get_contact(caller, report["_id"])
    assert orphan is not None
    assert "managerId" not in orphan

    back = await contacts.restore_contact(caller, made["_id"])
    await check(caller.db)
    assert (back["managerId"], back["groupIds"], back["version"]) == (boss["_id"], [group["_id"]], 2)
    assert await names(caller, manager_id=made["_id"]) == ["Low One"]
    assert await contacts.count_deleted(caller) == 0


@pytest.mark.parametrize("restored", [("boss", "report"), ("report", "boss")])
@pytest.mark.parametrize("deleted", [[("boss", "report")], [("boss",), ("report",)], [("report",), ("boss",)]])
async def test_restore_manager_and_report(
    caller: Caller, deleted: list[tuple[str, ...]], restored: tuple[str, str]
) -> None:
    """Manager and report are linked again, whichever was deleted or restored first."""
    boss = await contacts.create_contact(caller, person("Big Boss"))
    report = await contacts.create_contact(caller, person("Low One", managerId=boss["_id"]))
    ids = {"boss": boss["_id"], "report": report["_id"]}
    for together in deleted:
        await contacts.delete_contacts(caller, [ids[each] for each in together])
    for each in restored:
        await contacts.restore_contact(caller, ids[each])
    assert await names(caller, manager_id=boss["_id"]) == ["Low One"]
    await check(caller.db)


async def test_restore_leaves_a_deleted_report_its_later_manager(caller: Caller) -> None:
    """A report that had another manager when it was deleted gets that one back."""
    boss = await contacts.create_contact(caller, person("Big Boss"))
    later = await contacts.create_contact(caller, person("New Boss"))
    report = await contacts.create_contact(caller, person("Low One", managerId=boss["_id"]))
    await contacts.delete_contact(caller, boss["_id"])
    await contacts.update_contact(caller, report["_id"], {"managerId": later["_id"]})
    await contacts.delete_contact(caller, report["_id"])
    for each in (boss, report):
        await contacts.restore_contact(caller, each["_id"])
    assert await names(caller, manager_id=later["_id"]) == ["Low One"]


async def test_restore_without_what_is_gone(caller: Caller) -> None:
    """Restoring ignores a manager and groups that have been deleted meanwhile."""
    boss = await contacts.create_contact(caller, person("Big Boss"))
    made = await contacts.create_contact(caller, person(managerId=boss["_id"]))
    group = await groups.create_group(caller, {"displayName": "G", "emailAddress": "g@partner.example"})
    await groups.add_contacts(caller, group["_id"], [made["_id"]])
    await contacts.delete_contact(caller, made["_id"])
    await contacts.delete_contact(caller, boss["_id"])
    await groups.delete_group(caller, group["_id"])
    back = await contacts.restore_contact(caller, made["_id"])
    assert back.keys().isdisjoint({"managerId", "groupIds"})
    await check(caller.db)


async def test_restore_closes_no_cycle(caller: Caller) -> None:
    """A report that has become the restored contact's superior does not become its report again."""
    boss = await contacts.create_contact(caller, person("Big Boss"))
    made = await contacts.create_contact(caller, person(managerId=boss["_id"]))
    report = await contacts.create_contact(caller, person("Low One", managerId=made["_id"]))
    await contacts.delete_contact(caller, made["_id"])
    await contacts.update_contact(caller, boss["_id"], {"managerId": report["_id"]})
    await contacts.restore_contact(caller, made["_id"])
    assert await names(caller, manager_id=made["_id"]) == []


async def test_restore_needs_the_address(caller: Caller) -> None:
    """A contact whose address has been taken cannot be restored, and the refusal contains the holder."""
    made = await contacts.create_contact(caller, person())
    await contacts.delete_contact(caller, made["_id"])
    other = await contacts.create_contact(caller, person())
    with pytest.raises(EmailAddressTaken) as caught:
        await contacts.restore_contact(caller, made["_id"])
    assert caught.value.holder["_id"] == other["_id"]
    assert await contacts.count_deleted(caller) == 1


async def test_delete_many(caller: Caller, sync_caller: Caller) -> None:
    """Several contacts are deleted at once, and the refusals are listed one by one."""
    made = [await contacts.create_contact(caller, person(f"Ana {x}")) for x in "abc"]
    kept = await synced(sync_caller)
    done = await contacts.delete_contacts(caller, [*(each["_id"] for each in made), kept["_id"], "x", "x"])
    assert list(done.deleted) == [each["_id"] for each in made]
    assert {each: type(why) for each, why in done.problems.items()} == {kept["_id"]: ContactReadOnly, "x": NotFound}
    await check(caller.db)


async def test_manager_of_a_synced_contact_stays(caller: Caller, sync_caller: Caller) -> None:
    """A manager of a synced contact cannot be deleted, because that would change the synced contact."""
    boss, report = directory_contact("Big Boss"), directory_contact("Ivo Horvat")
    report = replace(report, manager_guid=boss.object_guid)
    await apply(sync_caller, [boss, report])
    manager = await contacts.contact_by_address(caller, str(boss.fields["emailAddress"]))
    assert manager is not None
    await make_cloud_only(caller, [manager["_id"]])
    with pytest.raises(ContactReadOnly, match=r"manager is Big Boss.*CN=Ivo Horvat"):
        await contacts.delete_contact(caller, manager["_id"])
    assert manager["_id"] in (await contacts.delete_contacts(caller, [manager["_id"]])).problems
    assert await names(caller, manager_id=manager["_id"]) == ["Ivo Horvat"]
    await apply(sync_caller, [replace(report, manager_guid=None)])
    await contacts.delete_contact(caller, manager["_id"])
    await check(caller.db)


async def test_delete_too_many(caller: Caller) -> None:
    """More IDs than fit into a transaction are refused."""
    with pytest.raises(InvalidInput):
        await contacts.delete_contacts(caller, [str(each) for each in range(contacts.MAX_BULK + 1)])


async def test_writers_at_once_leave_everything_exact(db: Database, caller: Caller) -> None:
    """After concurrent writes of all kinds, statistics, claims and member counts are exact."""
    group = await groups.create_group(caller, {"displayName": "G", "emailAddress": "g@partner.example"})

    async def life(number: int) -> None:
        made = await contacts.create_contact(caller, person(f"Ana {number}", showInGal=number % 2 == 0))
        await groups.add_contacts(caller, group["_id"], [made["_id"]])
        await contacts.update_contact(
            caller, made["_id"], {"showInGal": number % 3 == 0, "aliases": [f"{number}@x.example"]}
        )
        if number % 4 == 0:
            await contacts.delete_contact(caller, made["_id"])

    await asyncio.gather(*(life(number) for number in range(24)))
    await check(db)
    assert (await statistics.contact_stats(caller))["total"] == 18
