"""Reading from a real domain controller while administrators change its objects."""

import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from connector.errors import SearchRefused
from resolvers.sync.policy import FullReason, ReadPlan, plan
from resolvers.sync.source import (
    DeletedObjectsHidden,
    DirectoryContact,
    DirectoryGroup,
    Reason,
    Suitability,
    UnsuitableObject,
)
from tests.support.ad.provision import BASE_DN, CONTACTS_DN, OUTSIDER_DN
from tests.support.syncing import reading

if TYPE_CHECKING:
    from tests.support.ad.administrator import Administrator
    from tests.support.ad.controller import Controller

pytestmark = pytest.mark.ad

T = TypeVar("T")
ANN, BO = f"CN=Ann,{CONTACTS_DN}", f"CN=Bo,{CONTACTS_DN}"


async def everything(pages: AsyncIterator[list[T]]) -> list[T]:
    return [row async for page in pages for row in page]


def contacts(rows: Sequence[DirectoryContact | UnsuitableObject]) -> dict[str, DirectoryContact]:
    """The objects that were read as contacts, by display name."""
    return {row.fields["displayName"]: row for row in rows if isinstance(row, DirectoryContact)}


async def test_first_read(controller: "Controller", admin: "Administrator") -> None:
    """All attributes of all contacts are read, in as many pages as it takes."""
    ann = admin.add_contact("Ann")
    bo = admin.add_contact(
        "Bo",
        displayName="Bo Dahl",
        givenName="Bo",
        sn="Dahl",
        mail="bo@example.test",
        proxyAddresses=["SMTP:bo@example.test", "smtp:b.dahl@example.test", "X500:/o=Contoso/cn=bo"],
        targetAddress="SMTP:bo@elsewhere.test",
        company="Contoso",
        department="Sales",
        title="Director",
        telephoneNumber="+47 22 12 34 56",
        mobile="+47 912 34 567",
        streetAddress="Storgata 1\r\n2nd floor",
        l="Oslo",
        st="Oslo",
        c="NO",
        co="Norway",
        postalCode="0155",
        info="Æøå — 漢字",
        msExchHideFromAddressLists="TRUE",
        manager=ANN,
    )
    for number in range(5):
        admin.add_contact(f"More {number}")
    async with reading(controller, ad_page_size=3) as reader:
        rows = await everything(reader.contacts())
        sizes = [len(page) async for page in reader.contacts()]
    found = contacts(rows)
    assert len(found) == len(rows) == 7
    assert max(sizes) == 3
    assert found["Bo Dahl"].fields == {
        "displayName": "Bo Dahl",
        "firstName": "Bo",
        "lastName": "Dahl",
        "emailAddress": "bo@example.test",
        "aliases": ["b.dahl@example.test"],
        "company": "Contoso",
        "department": "Sales",
        "jobTitle": "Director",
        "businessPhone": "+47 22 12 34 56",
        "mobilePhone": "+47 912 34 567",
        "address": {
            "street": "Storgata 1\r\n2nd floor",
            "city": "Oslo",
            "state": "Oslo",
            "country": "Norway",
            "postalCode": "0155",
        },
        "notes": "Æøå — 漢字",
        "showInGal": False,
    }
    assert (found["Bo Dahl"].object_guid, found["Bo Dahl"].distinguished_name) == (bo, BO)
    assert found["Bo Dahl"].domain == "corp.example.test"
    assert found["Bo Dahl"].manager_guid == ann


@pytest.mark.parametrize("number", [0, 1, 3, 6, 7])
async def test_page_boundaries(controller: "Controller", admin: "Administrator", number: int) -> None:
    """No object is lost or read twice, also if their number is zero or a multiple of the page size."""
    made = {admin.add_contact(f"C {index}") for index in range(number)}
    async with reading(controller, ad_page_size=3) as reader:
        inventory = await everything(reader.inventory("contact"))
        rows = await everything(reader.contacts())
    assert sorted(row.object_guid for row in inventory) == sorted(made)
    assert sorted(row.object_guid or "" for row in rows) == sorted(made)


async def test_changes_since_a_mark(controller: "Controller", admin: "Administrator") -> None:
    """After a mark, only objects that were added, changed or renamed since are read, in their current state."""
    for name in ("Ann", "Bo", "Cy"):
        admin.add_contact(name)
    async with reading(controller) as reader:
        before = await reader.mark()
        assert await everything(reader.contacts(before.usn)) == []
        admin.set(ANN, title="Director", company=None)
        admin.rename(BO, "CN=Bob")
        added = admin.add_contact("Di")
        changes = contacts(await everything(reader.contacts(before.usn)))
        after = await reader.mark()
        assert await everything(reader.contacts(after.usn)) == []
    assert {name: row.distinguished_name for name, row in changes.items()} == {
        "Ann": ANN,
        "Bob": f"CN=Bob,{CONTACTS_DN}",
        "Di": f"CN=Di,{CONTACTS_DN}",
    }
    assert changes["Ann"].fields["jobTitle"] == "Director"
    assert changes["Di"].object_guid == added
    assert plan(before, after) == ReadPlan(before.usn)


async def test_manager_renamed(controller: "Controller", admin: "Administrator") -> None:
    """A contact does not change if its manager is renamed, and still refers to the manager by objectGUID."""
    ann = admin.add_contact("Ann")
    admin.add_contact("Bo", manager=ANN)
    async with reading(controller) as reader:
        before = await reader.mark()
        admin.rename(ANN, "CN=Anna")
        assert list(contacts(await everything(reader.contacts(before.usn)))) == ["Anna"]
        everyone = contacts(await everything(reader.contacts()))
    assert everyone["Bo"].manager_guid == ann


async def test_unit_renamed(controller: "Controller", admin: "Administrator") -> None:
    """Renaming an OU does not change its contacts, but the inventory shows their new DNs with the old objectGUIDs."""
    unit = admin.add_unit("Partners", CONTACTS_DN)
    guid = admin.add_contact("Ann", unit)
    async with reading(controller) as reader:
        before = await reader.mark()
        admin.rename(unit, "OU=Friends")
        assert await everything(reader.contacts(before.usn)) == []
        inventory = await everything(reader.inventory("contact"))
    assert {row.object_guid: row.distinguished_name for row in inventory} == {guid: f"CN=Ann,OU=Friends,{CONTACTS_DN}"}


async def test_moves_across_the_scope(controller: "Controller", admin: "Administrator") -> None:
    """Objects that leave the base DNs leave the inventory; objects that arrive with their OU are in it and readable."""
    outside = admin.add_unit("Outside", BASE_DN)
    unit = admin.add_unit("Coming", outside)
    leaving, staying, coming = (
        admin.add_contact("Ann"),
        admin.add_contact("Bo"),
        admin.add_contact("Cy", unit),
    )
    async with reading(controller, ad_base_dns=(CONTACTS_DN,)) as reader:
        before = await reader.mark()
        assert {row.object_guid for row in await everything(reader.inventory("contact"))} == {leaving, staying}
        admin.rename(ANN, "CN=Ann", outside)
        admin.rename(unit, "OU=Coming", CONTACTS_DN)
        assert await everything(reader.contacts(before.usn)) == []
        assert await everything(reader.tombstones(before.usn)) == []
        assert {row.object_guid for row in await everything(reader.inventory("contact"))} == {staying, coming}
        named = contacts(await everything(reader.contacts_by_guid([leaving, coming])))
    assert {name: row.distinguished_name for name, row in named.items()} == {"Cy": f"CN=Cy,OU=Coming,{CONTACTS_DN}"}


async def test_suitability(controller: "Controller", admin: "Administrator") -> None:
    """Whether objects are synced can be read for all, or for some."""
    ann, bo = admin.add_contact("Ann"), admin.add_contact("Bo")
    team = admin.add_group("Team")
    async with reading(controller) as reader:
        admin.set(ANN, mail=None)
        asked = await everything(reader.suitability_by_guid("contact", [bo]))
        found = await everything(reader.suitability("contact"))
        groups = await everything(reader.suitability("group"))
    assert asked == [Suitability(bo, suitable=True)]
    assert {each.object_guid: each.suitable for each in found} == {ann: False, bo: True}
    assert groups == [Suitability(team, suitable=True)]


async def test_filter(controller: "Controller", admin: "Administrator") -> None:
    """The additional filter applies to contacts, changes and the inventory, but never to groups."""
    admin.add_contact("Ann", company="Contoso")
    admin.add_contact("Bo", company="Fabrikam")
    admin.add_group("Partners")
    async with reading(controller, ad_filter="(company=Contoso)") as reader:
        assert list(contacts(await everything(reader.contacts()))) == ["Ann"]
        assert list(contacts(await everything(reader.contacts(0)))) == ["Ann"]
        assert [row.distinguished_name for row in await everything(reader.inventory("contact"))] == [ANN]
        assert len(await everything(reader.groups())) == 1


async def test_many_by_guid(controller: "Controller", admin: "Administrator") -> None:
    """Contacts can be read by more objectGUIDs than fit into one filter."""
    guids = [admin.add_contact(f"C {number}") for number in range(205)]
    async with reading(controller) as reader:
        found = contacts(await everything(reader.contacts_by_guid(guids)))
    assert {row.object_guid for row in found.values()} == set(guids)


async def test_deletion_and_return(controller: "Controller", admin: "Administrator") -> None:
    """A deletion is a tombstone with the same objectGUID; if the object is restored, it is a change again."""
    guid = admin.add_contact("Ann")
    group = admin.add_group("Partners")
    async with reading(controller) as reader:
        before = await reader.mark()
        admin.delete(ANN)
        admin.delete(f"CN=Partners,{CONTACTS_DN}")
        gone = await everything(reader.tombstones(before.usn))
        assert {row.object_guid: row.last_dn for row in gone} == {guid: ANN, group: f"CN=Partners,{CONTACTS_DN}"}
        after = await reader.mark()
        assert await everything(reader.tombstones(after.usn)) == []
        assert await everything(reader.inventory("contact")) == []
        admin.undelete(guid, ANN)
        admin.set(ANN, mail="ann@example.test")
        back = contacts(await everything(reader.contacts(after.usn)))
    assert back["Ann"].object_guid == guid


async def test_tombstones_not_allowed(controller: "Controller") -> None:
    """If the account may not list deleted objects, the error contains the command that allows it; nothing is hidden."""
    async with reading(controller, ad_bind_dn=OUTSIDER_DN) as reader:
        with pytest.raises(DeletedObjectsHidden, match="dsacls"):
            await everything(reader.tombstones(0))


async def test_skipped_objects(controller: "Controller", admin: "Administrator") -> None:
    """Objects that aren't synced are read as skipped, each with a reason, along with the others."""
    admin.add_contact("Ann")
    admin.add_contact("No mail", mail="x")
    admin.set(f"CN=No mail,{CONTACTS_DN}", mail=None)
    admin.add_contact("CAS_{1}")
    async with reading(controller) as reader:
        rows = await everything(reader.contacts())
    reasons = {row.distinguished_name: row.reason for row in rows if isinstance(row, UnsuitableObject)}
    assert reasons == {
        f"CN=No mail,{CONTACTS_DN}": Reason.NO_ADDRESS,
        f"CN=CAS_{{1}},{CONTACTS_DN}": Reason.SYSTEM_MAILBOX,
    }
    assert len(rows) == 3


async def test_groups(controller: "Controller", admin: "Administrator") -> None:
    """Distribution groups are read with the objectGUIDs of their members; security groups are not read."""
    ann, bo = admin.add_contact("Ann"), admin.add_contact("Bo")
    team = admin.add_group("Partners", [ANN])
    admin.add_group("Admins", [ANN], kind="-2147483640")
    async with reading(controller) as reader:
        groups = await everything(reader.groups())
        assert [group.object_guid for group in groups] == [team]
        before = await reader.mark()
        assert await everything(reader.groups(before.usn)) == []
        admin.add_members(f"CN=Partners,{CONTACTS_DN}", BO)
        (changed,) = await everything(reader.groups(before.usn))
        assert [row.object_guid for row in await everything(reader.inventory("group"))] == [team]
    assert isinstance(changed, DirectoryGroup)
    assert changed.fields == {
        "displayName": "Partners",
        "emailAddress": "partners@example.test",
        "description": None,
    }
    assert {member.object_guid: member.dn for member in changed.members} == {ann: ANN, bo: BO}


@pytest.mark.slow
@pytest.mark.parametrize("number", [1499, 1500, 3001])
async def test_large_group(controller: "Controller", number: int) -> None:
    """All members of a group are read, however many times 1,500 they are."""
    controller.stop()
    people = [f"CN=C {index},{CONTACTS_DN}" for index in range(number)]
    entries = [f"dn: {dn}\nobjectClass: contact\nmail: c{index}@x.test\n" for index, dn in enumerate(people)]
    group = f"dn: CN=All,{CONTACTS_DN}\nobjectClass: group\ngroupType: 8\nsAMAccountName: all\nmail: all@x.test\n"
    controller.load("\n".join([*entries, group + "".join(f"member: {dn}\n" for dn in people)]))
    controller.start()
    async with reading(controller) as reader:
        (found,) = await everything(reader.groups())
    assert isinstance(found, DirectoryGroup)
    assert {member.dn for member in found.members} == set(people)
    assert len(found.members) == number


async def test_base_dn_that_is_not_there(controller: "Controller") -> None:
    """A base DN with a typo is an error, not an empty directory in which all contacts are gone."""
    async with reading(controller, ad_base_dns=(f"OU=Contcats,{BASE_DN}",)) as reader:
        with pytest.raises(SearchRefused, match="CONTACTS_AD_BASE_DNS"):
            await everything(reader.inventory("contact"))


async def test_base_dn_elsewhere(controller: "Controller") -> None:
    """The same applies to a base DN in a domain that this server does not have."""
    async with reading(controller, ad_base_dns=("DC=other,DC=test",)) as reader:
        with pytest.raises(SearchRefused):
            await everything(reader.inventory("contact"))


async def test_bad_filter(controller: "Controller") -> None:
    """If only the parentheses of a filter are valid, the error names the setting."""
    async with reading(controller, ad_filter="(company)") as reader:
        with pytest.raises(SearchRefused, match="CONTACTS_AD_FILTER"):
            await everything(reader.contacts())


async def test_another_database(controller: "Controller", admin: "Administrator") -> None:
    """A database with a new invocationId is read in full."""
    async with reading(controller) as reader:
        before = await reader.mark()
    invocation = uuid.uuid4()
    controller.stop()
    controller.renew_invocation(invocation.bytes_le)
    controller.start()
    async with reading(controller) as reader:
        now = await reader.mark()
    assert now.invocation_id == str(invocation) != before.invocation_id
    assert plan(before, now).reason == FullReason.OTHER_DATABASE


async def test_restored_older_copy(controller: "Controller", tmp_path: Path) -> None:
    """A database restored from an older copy has a smaller USN, and is read in full."""
    controller.stop()
    controller.save(tmp_path / "older")
    controller.start()
    with controller.administrator() as admin:
        admin.add_contact("Ann")
    async with reading(controller) as reader:
        before = await reader.mark()
    controller.stop()
    controller.restore(tmp_path / "older")
    controller.start()
    async with reading(controller) as reader:
        now = await reader.mark()
    assert now.invocation_id == before.invocation_id
    assert plan(before, now).reason == FullReason.ROLLED_BACK
