"""The demo data: their contents, and that loading them again does not undo changes."""

from collections.abc import Mapping

import pytest
from phonenumbers import country_code_for_region

import demo
from demo import files
from resolvers import contacts, groups, mastery, rules
from resolvers.caller import Caller
from resolvers.statistics import contact_stats
from storage import demo_state
from storage.documents import Document
from storage.driver import Database
from storage.fields import PHONES
from storage.keys import addresses
from storage.lists.pages import Window
from tests.support.consistency import check
from tests.support.people import person

MEMBERS = {"External Partners": 45, "Vendor Communications": 23, "Project Stakeholders": 12}


async def stored(db: Database) -> list[Document]:
    """All contacts."""
    return await db.contacts.find(sort=[("_id", 1)]).to_list(None)


async def everything(db: Database) -> Mapping[str, list[Document]]:
    """Everything that is stored, by collection."""
    names = ("contacts", "groups", "claims", "history", "deletedContacts", "imports", "state", "statistics")
    return {name: await db.mongo[name].find(sort=[("_id", 1)]).to_list(None) for name in names}


async def named(caller: Caller, address: str) -> Document:
    """The contact with this address."""
    found = await contacts.contact_by_address(caller, address)
    assert found is not None
    return found


async def test_groups_have_exactly_their_members(caller: Caller) -> None:
    """The three example groups have 45, 23 and 12 members, some from each source."""
    await demo.load(caller)
    found = (await groups.list_groups(caller, Window(10))).documents
    assert {group["displayName"]: group["memberCount"] for group in found} == MEMBERS
    for group in found:
        assert await caller.db.contacts.distinct("source", {"groupIds": group["_id"]}) == ["CLOUD", "SYNCED"]
    await check(caller.db)


async def test_statistics(caller: Caller) -> None:
    """There are a few hundred contacts, about a third of them synced, and some of both sources are hidden."""
    await demo.load(caller)
    stats = await contact_stats(caller)
    assert 300 <= stats["total"] <= 400
    assert 0.3 < stats["synced"] / stats["total"] < 0.4
    hidden = await caller.db.contacts.distinct("source", {"gal": "HIDDEN"})
    assert hidden == ["CLOUD", "SYNCED"]


async def test_every_field_is_used_and_left_out_somewhere(caller: Caller) -> None:
    """Contacts of both sources use all fields, and no optional field is set in all of them."""
    await demo.load(caller)
    found = await stored(caller.db)
    for source in ("CLOUD", "SYNCED"):
        some = [each for each in found if each["source"] == source]
        used = {name for each in some for name in each}
        assert used >= (rules.FIELDS - {"showInGal"}) | {"groupIds", "businessPhoneE164", "mobilePhoneE164"}
        assert {name for each in some for name in each.get("address", ())} == rules.ADDRESS_LENGTHS.keys()
    everywhere = {name for name in rules.FIELDS if all(name in each for each in found)}
    assert everywhere == {"displayName", "emailAddress"}
    assert len({each["company"] for each in found if "company" in each}) >= 40


async def test_managers_are_several_levels_deep(caller: Caller) -> None:
    """All managers in the files exist; some managers of cloud-only contacts are synced; one chain has five contacts."""
    await demo.load(caller)
    found = {each["_id"]: each for each in await stored(caller.db)}
    managed = [each for each in found.values() if "managerId" in each]
    in_files = sum(bool(row["Manager"]) for row in files.rows(files.contacts()))
    in_files += sum(each.manager_guid is not None for each in files.on_premises().contacts)
    assert len(managed) == in_files
    assert any(found[each["managerId"]]["source"] != each["source"] for each in managed)

    def depth(each: Document) -> int:
        return 1 + depth(found[each["managerId"]]) if "managerId" in each else 0

    assert max(map(depth, managed)) == 4


async def test_synced_contacts_say_where_they_come_from(caller: Caller) -> None:
    """Synced contacts name their domain, whose state is known; no next run is scheduled."""
    await demo.load(caller)
    found = await caller.db.contacts.find_one({"source": "SYNCED"})
    assert found is not None
    states = await mastery.read(caller)
    assert list(states) == [found["onPremises"]["domain"]]
    assert mastery.last_sync_at(found["onPremises"], states) <= caller.clock()
    assert mastery.next_sync_at(found["onPremises"], states) is None


async def test_data_are_invented_and_well_formed(caller: Caller) -> None:
    """All addresses are under `.example`, each contact has its own numbers, and every number can be dialed."""
    await demo.load(caller)
    found = await stored(caller.db)
    assert all(address.endswith(".example") for each in found for address in addresses(each))
    numbers = [each[name] for each in found for name in PHONES if name in each]
    forms = [each[f"{name}E164"] for each in found for name in PHONES if f"{name}E164" in each]
    assert len(forms) == len(numbers) == len(set(forms))
    for each in found:
        if country := each.get("address", {}).get("country"):
            dialled = [each[f"{name}E164"] for name in PHONES if name in each]
            assert all(form.startswith(f"+{country_code_for_region(country)}") for form in dialled), each["displayName"]


async def test_second_load_changes_nothing(caller: Caller) -> None:
    """Loading again writes nothing at all: no version, no history, no import."""
    await demo.load(caller)
    before = await everything(caller.db)
    await demo.load(caller)
    assert await everything(caller.db) == before


async def test_changes_of_people_stay(caller: Caller) -> None:
    """Contacts that people changed, deleted or removed from a group are not restored by the next load."""
    await demo.load(caller)
    changed = await named(caller, "thuy@havelbogen.example")
    deleted = await named(caller, "rosalie@havelbogen.example")
    member = await named(caller, "aylin@havelbogen.example")
    await contacts.update_contact(caller, changed["_id"], {"emailAddress": "thuy@elsewhere.example"})
    await contacts.delete_contact(caller, deleted["_id"])
    await groups.remove_contacts(caller, member["groupIds"][0], [member["_id"]])
    before = await everything(caller.db)
    await demo.load(caller)
    assert await everything(caller.db) == before


class Killed(Exception):
    """Raised to interrupt a load."""


@pytest.mark.parametrize("part", demo.PARTS)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_load_that_was_cut_off_is_completed(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, part: str, when: str
) -> None:
    """A load that was interrupted before or after any part is completed by the next one, each contact once."""

    async def dies(caller: Caller) -> None:
        if when == "after":
            await original(caller)
        raise Killed

    original = demo.PARTS[part]
    with monkeypatch.context() as patched:
        patched.setitem(demo.PARTS, part, dies)
        with pytest.raises(Killed):
            await demo.load(caller)
    await demo.load(caller)
    assert {group["displayName"]: group["memberCount"] async for group in caller.db.groups.find()} == MEMBERS
    found = await stored(caller.db)
    assert len(found) == len(files.on_premises().contacts) + len(files.addresses(files.contacts()))
    assert {each["version"] for each in found} == {1}
    assert await caller.db.history.count_documents({}) == len(found)
    await check(caller.db)


async def test_completion_leaves_alone_what_people_did_meanwhile(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contacts of an interrupted load that were changed or deleted stay so while the others are added."""
    content = files.contacts()
    later = files.addresses(content) - {f"{name}@havelbogen.example" for name in ("jan-ole", "emre", "rosalie")}
    add = demo_state.add

    async def dies(db: Database, part: str) -> None:
        if part == "contacts":
            raise Killed
        await add(db, part)

    with monkeypatch.context() as patched:
        patched.setattr(files, "contacts", lambda: files.without(content, later))
        patched.setattr(demo_state, "add", dies)
        with pytest.raises(Killed):
            await demo.load(caller)
    changed = await named(caller, "emre@havelbogen.example")
    deleted = await named(caller, "rosalie@havelbogen.example")
    await contacts.update_contact(caller, changed["_id"], {"emailAddress": "emre@elsewhere.example"})
    await contacts.delete_contact(caller, deleted["_id"])
    await demo.load(caller)
    assert await contacts.contact_by_address(caller, "emre@havelbogen.example") is None
    assert await contacts.contact_by_address(caller, "rosalie@havelbogen.example") is None
    total = len(files.on_premises().contacts) + len(files.addresses(content))
    assert (await contact_stats(caller))["total"] == total - 1
    await check(caller.db)


async def test_contacts_that_were_there_before_stay(caller: Caller) -> None:
    """A directory in use keeps its contacts; one that has an address of the demo data keeps it."""
    own = await contacts.create_contact(caller, person(emailAddress="thuy@havelbogen.example"))
    await demo.load(caller)
    kept = await contacts.get_contact(caller, own["_id"])
    assert kept is not None
    assert {**own, "keys": kept["keys"]} == kept
    await check(caller.db)
