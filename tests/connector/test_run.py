"""Runs against a real domain controller: changes in Active Directory are applied here."""

from typing import TYPE_CHECKING

import pytest

from resolvers import contacts, groups
from resolvers.caller import Caller
from storage import recycle_bin
from tests.support.ad.provision import BASE_DN, CONTACTS_DN, OUTSIDER_DN
from tests.support.people import person
from tests.support.queries import counted
from tests.support.syncing import Syncing, counts, own

if TYPE_CHECKING:
    from tests.support.ad.administrator import Administrator

pytestmark = pytest.mark.ad

ANN, BO = f"CN=Ann,{CONTACTS_DN}", f"CN=Bo,{CONTACTS_DN}"
TEAM = f"CN=Team,{CONTACTS_DN}"


async def test_first_run(syncing: Syncing, admin: "Administrator") -> None:
    """The first run writes all data of a contact in Active Directory, and its record counts it."""
    guid = admin.add_contact(
        "Bo",
        givenName="Bo",
        sn="Dahl",
        proxyAddresses=["SMTP:bo@example.test", "smtp:b.dahl@example.test"],
        company="Contoso",
        department="Sales",
        title="Director",
        telephoneNumber="+47 22 12 34 56",
        mobile="+47 912 34 567",
        streetAddress="Storgata 1",
        l="Oslo",
        st="Oslo",
        co="Norway",
        postalCode="0155",
        info="Æøå",
        msExchHideFromAddressLists="TRUE",
    )
    record = await syncing.succeed()
    assert counts(record) == {"created": 1}
    assert (record["fullReason"], record["server"], record["processed"]) == ("FIRST_CYCLE", "dc1.corp.example.test", 1)
    bo = await syncing.contact("Bo")
    assert own(bo) == {
        "source": "SYNCED",
        "displayName": "Bo",
        "firstName": "Bo",
        "lastName": "Dahl",
        "emailAddress": "bo@example.test",
        "aliases": ["b.dahl@example.test"],
        "company": "Contoso",
        "department": "Sales",
        "jobTitle": "Director",
        "businessPhone": "+47 22 12 34 56",
        "businessPhoneE164": "+4722123456",
        "mobilePhone": "+47 912 34 567",
        "mobilePhoneE164": "+4791234567",
        "address": {
            "street": "Storgata 1",
            "city": "Oslo",
            "state": "Oslo",
            "country": "Norway",
            "postalCode": "0155",
        },
        "notes": "Æøå",
        "gal": "HIDDEN",
    }
    assert (
        bo["onPremises"].items()
        >= {
            "objectGuid": guid,
            "distinguishedName": BO,
            "domain": "corp.example.test",
        }.items()
    )
    assert await syncing.changes(bo["_id"]) == [("CREATED", "sync")]


ATTRIBUTES = {
    "displayName": ("Bo Dahl", "displayName", "Bo Dahl"),
    "givenName": ("Bo", "firstName", "Bo"),
    "sn": ("Dahl", "lastName", "Dahl"),
    "mail": ("bd@example.test", "emailAddress", "bd@example.test"),
    "proxyAddresses": ("smtp:b@example.test", "aliases", ["b@example.test"]),
    "company": ("Contoso", "company", "Contoso"),
    "department": ("Sales", "department", "Sales"),
    "title": ("Director", "jobTitle", "Director"),
    "telephoneNumber": ("+47 22 12 34 56", "businessPhone", "+47 22 12 34 56"),
    "mobile": ("+47 912 34 567", "mobilePhone", "+47 912 34 567"),
    "streetAddress": ("Storgata 1", "address", {"street": "Storgata 1"}),
    "l": ("Oslo", "address", {"city": "Oslo"}),
    "st": ("Viken", "address", {"state": "Viken"}),
    "co": ("Norway", "address", {"country": "Norway"}),
    "c": ("NO", "address", {"country": "NO"}),
    "postalCode": ("0155", "address", {"postalCode": "0155"}),
    "info": ("A friend", "notes", "A friend"),
    "msExchHideFromAddressLists": ("TRUE", "gal", "HIDDEN"),
}


async def test_every_attribute_set_and_cleared(syncing: Syncing, admin: "Administrator") -> None:
    """Setting and clearing an attribute sets and clears its field, and changes nothing else."""
    admin.add_contact("Bo", targetAddress="SMTP:bo@elsewhere.test", mail="bo@example.test")
    await syncing.succeed()
    plain = own(await syncing.contact("Bo"))
    for attribute, (value, field, expected) in ATTRIBUTES.items():
        before = admin.read(BO, attribute).get(attribute)
        admin.set(BO, **{attribute: value})
        assert counts(await syncing.succeed()) == {"updated": 1}, attribute
        changed = own(await syncing.db.contacts.find_one({}) or {})
        assert changed[field] == expected
        assert {name for name in changed if changed[name] != plain.get(name)} - {f"{field}E164"} == {field}
        admin.set(BO, **{attribute: [each.decode() for each in before] if before else None})
        await syncing.succeed()
        assert own(await syncing.contact("Bo")) == plain, attribute


@pytest.mark.parametrize(
    ("changes", "address", "aliases"),
    [
        ({"mail": None}, "bo@elsewhere.test", []),
        ({"mail": None, "proxyAddresses": ["smtp:b@example.test"]}, "bo@elsewhere.test", ["b@example.test"]),
        ({"proxyAddresses": ["smtp:b@example.test", "X500:/o=bo"]}, "bo@example.test", ["b@example.test"]),
        (
            {"proxyAddresses": ["SMTP:b@example.test", "smtp:bo@example.test"]},
            "b@example.test",
            ["bo@example.test"],
        ),
        ({"mail": None, "proxyAddresses": ["SMTP:b@example.test"]}, "b@example.test", []),
    ],
)
async def test_where_the_address_comes_from(
    syncing: Syncing,
    admin: "Administrator",
    changes: dict[str, str | list[str] | None],
    address: str,
    aliases: list[str],
) -> None:
    """The contact's address is the primary SMTP: one, else mail, else targetAddress; smtp: addresses are aliases."""
    admin.add_contact("Bo", targetAddress="SMTP:bo@elsewhere.test", mail="bo@example.test")
    await syncing.succeed()
    before = await syncing.contact("Bo")
    admin.set(BO, **changes)
    assert counts(await syncing.succeed()) == {"updated": 1}
    after = await syncing.contact("Bo")
    assert (after["_id"], after["emailAddress"], after.get("aliases", [])) == (before["_id"], address, aliases)


async def test_nothing_changed_nothing_written(syncing: Syncing, admin: "Administrator") -> None:
    """A run without changes writes only its record, the state of the sync, and its entry in the audit log."""
    admin.add_contact("Ann")
    admin.add_contact("Bo", manager=ANN)
    admin.add_group("Team", [ANN])
    await syncing.succeed()
    run = await syncing.take()
    with counted() as commands:
        from connector.scheduler import sync_once

        await sync_once(run, syncing.settings)
    writes = {"insert", "update", "delete", "findAndModify"}
    written = {command for command in commands if command.split()[0] in writes}
    assert written == {"update syncRuns", "update state", "insert audit"}


async def test_full_run_writes_nothing_unchanged(syncing: Syncing, admin: "Administrator") -> None:
    """A requested full run changes no contact and no group."""
    admin.add_contact("Ann")
    admin.add_contact("Bo", manager=ANN)
    admin.add_group("Team", [ANN, BO])
    await syncing.succeed()
    before = [each async for each in syncing.db.contacts.find()]
    record = await syncing.cycle(full=True)
    assert (record["fullReason"], counts(record)) == ("REQUESTED", {"unchanged": 2})
    assert [each async for each in syncing.db.contacts.find()] == before


async def test_rename(syncing: Syncing, admin: "Administrator") -> None:
    """A renamed object remains the same contact with the new name."""
    admin.add_contact("Ann")
    await syncing.succeed()
    ann = await syncing.contact("Ann")
    admin.rename(ANN, "CN=Anna")
    assert counts(await syncing.succeed()) == {"updated": 1}
    anna = await syncing.contact("Anna")
    assert anna["_id"] == ann["_id"]
    assert anna["onPremises"]["distinguishedName"] == f"CN=Anna,{CONTACTS_DN}"


async def test_unit_renamed_and_moved_between_units(syncing: Syncing, admin: "Administrator") -> None:
    """Contacts in a renamed OU, or moved to another one, change only their distinguished name."""
    unit, other = admin.add_unit("Partners", CONTACTS_DN), admin.add_unit("Other", CONTACTS_DN)
    admin.add_contact("Ann", unit)
    admin.add_contact("Bo", unit)
    await syncing.succeed()
    ids = {(await syncing.contact(name))["_id"] for name in ("Ann", "Bo")}
    admin.rename(f"CN=Bo,{unit}", "CN=Bo", other)
    admin.rename(unit, "OU=Friends")
    assert counts(await syncing.succeed()) == {"updated": 2}
    found = {name: await syncing.contact(name) for name in ("Ann", "Bo")}
    assert {each["_id"] for each in found.values()} == ids
    assert found["Ann"]["onPremises"]["distinguishedName"] == f"CN=Ann,OU=Friends,{CONTACTS_DN}"
    assert found["Bo"]["onPremises"]["distinguishedName"] == f"CN=Bo,{other}"
    assert counts(await syncing.succeed()) == {"unchanged": 2}


async def test_out_of_scope_and_back(syncing: Syncing, admin: "Administrator") -> None:
    """Contacts that leave the base DNs go to the recycle bin; those that enter with an OU or come back are synced."""
    outside = admin.add_unit("Outside", BASE_DN)
    unit = admin.add_unit("Coming", outside)
    admin.add_contact("Ann")
    admin.add_contact("Bo")
    admin.add_contact("Cy", unit)
    syncing.settings = Syncing.with_settings(syncing.controller, syncing.db, ad_base_dns=(CONTACTS_DN,)).settings
    await syncing.succeed()
    ann = await syncing.contact("Ann")
    admin.rename(ANN, "CN=Ann", outside)
    admin.rename(unit, "OU=Coming", CONTACTS_DN)
    assert counts(await syncing.succeed()) == {"created": 1, "deleted": 1, "unchanged": 1}
    assert await syncing.names() == {"Bo", "Cy"}
    assert await recycle_bin.get(syncing.db, ann["_id"])
    admin.rename(f"CN=Ann,{outside}", "CN=Ann", CONTACTS_DN)
    await syncing.succeed()
    assert (await syncing.contact("Ann"))["_id"] == ann["_id"]


async def test_deleted_and_undeleted(syncing: Syncing, admin: "Administrator", caller: Caller) -> None:
    """A deleted contact goes to the recycle bin. When undeleted, it is restored with its memberships."""
    guid = admin.add_contact("Ann", title="Buyer")
    admin.add_contact("Bo", manager=ANN)
    await syncing.succeed()
    ann = await syncing.contact("Ann")
    partners = await groups.create_group(caller, {"displayName": "P", "emailAddress": "p@example.test"})
    await groups.add_contacts(caller, partners["_id"], [ann["_id"]])
    admin.delete(ANN)
    assert counts(await syncing.succeed()) == {"deleted": 1, "unchanged": 1}
    assert await syncing.names() == {"Bo"}
    admin.undelete(guid, ANN)
    admin.set(ANN, mail="ann@example.test")
    assert counts(await syncing.succeed()) == {"created": 1, "unchanged": 1}
    back = await syncing.contact("Ann")
    assert (back["_id"], back["groupIds"]) == (ann["_id"], [partners["_id"]])
    assert await syncing.changes(ann["_id"]) == [("CREATED", "sync"), ("DELETED", "sync"), ("RESTORED", "sync")]


async def test_group_follows_active_directory(syncing: Syncing, admin: "Administrator") -> None:
    """A distribution group is synced with its members, and follows their changes, renames and its deletion."""
    admin.add_contact("Ann")
    admin.add_contact("Bo")
    admin.add_group("Team", [ANN])
    assert counts(await syncing.succeed()) == {"created": 2, "groupsChanged": 1, "membershipsChanged": 1}
    admin.add_members(TEAM, BO)
    admin.remove_members(TEAM, ANN)
    admin.set(TEAM, displayName="The team")
    record = await syncing.succeed()
    assert counts(record) == {"unchanged": 2, "groupsChanged": 1, "membershipsChanged": 2}
    group = await syncing.db.groups.find_one({})
    assert group is not None
    assert (group["displayName"], group["memberCount"], group["source"]) == ("The team", 1, "SYNCED")
    assert (await syncing.contact("Bo"))["groupIds"] == [group["_id"]]
    admin.delete(TEAM)
    await syncing.succeed()
    assert await syncing.db.groups.count_documents({}) == 0
    assert "groupIds" not in await syncing.contact("Bo")


async def test_new_member_of_an_unchanged_group(syncing: Syncing, admin: "Administrator") -> None:
    """A contact that enters the scope becomes a member of the groups that already contained it."""
    outside = admin.add_unit("Outside", BASE_DN)
    admin.add_contact("Ann", outside)
    admin.add_group("Team", [f"CN=Ann,{outside}"])
    syncing.settings = Syncing.with_settings(syncing.controller, syncing.db, ad_base_dns=(CONTACTS_DN,)).settings
    assert counts(await syncing.succeed()) == {"groupsChanged": 1}
    admin.rename(f"CN=Ann,{outside}", "CN=Ann", CONTACTS_DN)
    assert counts(await syncing.succeed()) == {"created": 1, "membershipsChanged": 1}


async def test_group_with_a_taken_address(syncing: Syncing, admin: "Administrator", caller: Caller) -> None:
    """A group whose address is taken is skipped, naming the holder, until it is free; its members remain contacts."""
    holder = await contacts.create_contact(caller, person("Una Cloud", emailAddress="team@example.test"))
    admin.add_contact("Ann")
    admin.add_group("Team", [ANN])
    record = await syncing.succeed()
    assert (await syncing.skips(record), record["created"]) == ({"CN=Team": "EMAIL_ADDRESS_TAKEN"}, 1)
    await contacts.delete_contact(caller, holder["_id"])
    assert counts(await syncing.succeed()) == {"unchanged": 1, "groupsChanged": 1, "membershipsChanged": 1}


async def test_managers(syncing: Syncing, admin: "Administrator") -> None:
    """A manager that is read later is linked, removed when deleted, and linked again when restored."""
    admin.add_contact("Bo")
    guid = admin.add_contact("Zoe")
    admin.set(BO, manager=f"CN=Zoe,{CONTACTS_DN}")
    await syncing.succeed()
    zoe = await syncing.contact("Zoe")
    assert (await syncing.contact("Bo"))["managerId"] == zoe["_id"]
    admin.delete(f"CN=Zoe,{CONTACTS_DN}")
    await syncing.succeed()
    assert "managerId" not in await syncing.contact("Bo")
    admin.undelete(guid, f"CN=Zoe,{CONTACTS_DN}")
    admin.set(f"CN=Zoe,{CONTACTS_DN}", mail="zoe@example.test")
    admin.set(BO, manager=f"CN=Zoe,{CONTACTS_DN}")
    await syncing.succeed()
    assert (await syncing.contact("Bo"))["managerId"] == zoe["_id"]


async def test_manager_in_a_later_batch(
    syncing: Syncing, admin: "Administrator", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Managers that are written batches after their reports are linked, and so are cycles as far as possible."""
    monkeypatch.setattr("resolvers.sync.contact_writer.BATCH", 1)
    syncing.settings = syncing.settings.model_copy(update={"ad_page_size": 1})
    for name in ("Ann", "Bo", "Cy", "Di"):
        admin.add_contact(name)
    names = ("Ann", "Bo", "Cy", "Di")
    for name, manager in zip(names, (*names[1:], "Cy"), strict=True):
        admin.set(f"CN={name},{CONTACTS_DN}", manager=f"CN={manager},{CONTACTS_DN}")
    await syncing.succeed()
    found = {name: await syncing.contact(name) for name in names}
    linked = {name for name, each in found.items() if "managerId" in each}
    assert {"Ann", "Bo"} <= linked
    assert not {"Cy", "Di"} <= linked  # they manage each other


async def test_addresses_change_hands(
    syncing: Syncing, admin: "Administrator", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contacts can swap addresses, in whatever order they are read."""
    monkeypatch.setattr("resolvers.sync.contact_writer.BATCH", 1)
    syncing.settings = syncing.settings.model_copy(update={"ad_page_size": 1})
    admin.add_contact("Ann", mail="a@example.test")
    admin.add_contact("Bo", mail="b@example.test")
    admin.add_contact("Cy", mail="c@example.test")
    await syncing.succeed()
    monkeypatch.undo()
    admin.set(ANN, mail="b@example.test")
    admin.set(BO, mail="a@example.test")
    admin.delete(f"CN=Cy,{CONTACTS_DN}")
    admin.add_contact("Di", mail="c@example.test")
    assert counts(await syncing.succeed()) == {"created": 1, "updated": 2, "deleted": 1}
    found = {name: (await syncing.contact(name))["emailAddress"][0] for name in ("Ann", "Bo", "Di")}
    assert found == {"Ann": "b", "Bo": "a", "Di": "c"}


async def test_taken_address(syncing: Syncing, admin: "Administrator", caller: Caller) -> None:
    """An object whose address belongs to a cloud contact is reported with the holder, and synced once it is free."""
    holder = await contacts.create_contact(caller, person("Una Cloud", emailAddress="ann@example.test"))
    admin.add_contact("Ann")
    for _ in range(2):
        record = await syncing.succeed()
        assert await syncing.skips(record) == {"CN=Ann": "EMAIL_ADDRESS_TAKEN"}
        assert (await syncing.db.sync_skips.find_one({}) or {})["holderId"] == holder["_id"]
    await contacts.delete_contact(caller, holder["_id"])
    assert counts(await syncing.succeed()) == {"created": 1}


async def test_soft_match(syncing: Syncing, admin: "Administrator", caller: Caller) -> None:
    """With soft matching enabled, the cloud contact with the address becomes the synced one."""
    holder = await contacts.create_contact(caller, person("Una Cloud", emailAddress="ann@example.test"))
    admin.add_contact("Ann")
    syncing.settings = Syncing.with_settings(syncing.controller, syncing.db, ad_soft_match=True).settings
    assert counts(await syncing.succeed()) == {"updated": 1}
    ann = await syncing.contact("Ann")
    assert (ann["_id"], ann["source"]) == (holder["_id"], "SYNCED")
    assert await syncing.changes(ann["_id"]) == [("CREATED", "graphql"), ("UPDATED", "sync")]


async def test_unsuitable_objects(syncing: Syncing, admin: "Administrator") -> None:
    """Objects without an address, with invalid values, or used by Exchange itself are skipped with a reason."""
    admin.add_contact("Ann")
    admin.add_contact("Bo", mail="x")
    admin.set(BO, mail=None)
    admin.add_contact("Cy", mail="not an address")
    admin.add_contact("CAS_{1}")
    record = await syncing.succeed()
    assert counts(record) == {"created": 1, "skipped": 3}
    assert await syncing.skips(record) == {"CN=Bo": "NO_ADDRESS", "CN=Cy": "INVALID", "CN=CAS_{1}": "SYSTEM_MAILBOX"}


async def test_contact_with_an_odd_value_stays(syncing: Syncing, admin: "Administrator") -> None:
    """A contact that gets an invalid value is left unchanged, and every run reports it."""
    admin.add_contact("Ann")
    await syncing.succeed()
    admin.set(ANN, mail="not an address")
    for _ in range(2):
        record = await syncing.succeed()
        assert (await syncing.skips(record), counts(record)) == ({"CN=Ann": "INVALID"}, {"skipped": 1})
    assert await syncing.names() == {"Ann"}


@pytest.mark.parametrize("few", [0, 1_000])
async def test_address_that_is_handed_on(
    syncing: Syncing, admin: "Administrator", monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """A contact that loses its address is deleted and frees it. With a new address, the contact is restored."""
    monkeypatch.setattr("resolvers.sync.inventory.FEW", few)
    admin.add_contact("Ann")
    await syncing.succeed()
    ann = await syncing.contact("Ann")
    admin.set(ANN, mail=None)
    admin.add_contact("Bo", mail="ann@example.test")
    record = await syncing.succeed()
    assert (await syncing.skips(record), counts(record)) == (
        {"CN=Ann": "NO_ADDRESS"},
        {"created": 1, "deleted": 1, "skipped": 1},
    )
    assert counts(await syncing.succeed()) == {"unchanged": 1, "skipped": 1}
    admin.set(ANN, mail="ann.other@example.test")
    assert counts(await syncing.succeed()) == {"created": 1, "unchanged": 1}
    assert (await syncing.contact("Ann"))["_id"] == ann["_id"]


async def test_deleted_objects_hidden(syncing: Syncing, admin: "Administrator") -> None:
    """Deletions are detected even if the account cannot list deleted objects; the run notes the missing permission."""
    syncing.settings = Syncing.with_settings(syncing.controller, syncing.db, ad_bind_dn=OUTSIDER_DN).settings
    admin.add_contact("Ann")
    await syncing.succeed()
    admin.delete(ANN)
    record = await syncing.succeed()
    assert record["deleted"] == 1
    assert "dsacls" in record["notes"][0]
