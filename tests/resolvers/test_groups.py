"""Distribution groups and memberships, on a real MongoDB."""

import asyncio

import pytest

from resolvers import contacts, groups
from resolvers.caller import Directory
from resolvers.contacts import MAX_BULK
from resolvers.errors import EmailAddressTaken, InvalidInput, InvalidRequest, NotFound, VersionConflict
from storage.documents import Document
from storage.lists.pages import Ordering, Window
from storage.lists.selection import Selection
from tests.consistency import check
from tests.people import person, synced


async def group(directory: Directory, name: str = "Partners") -> Document:
    """A new group of this name."""
    return await groups.create_group(directory, {"displayName": name, "emailAddress": f"{name.lower()}@us.example"})


async def test_group_is_found_by_words_and_address(directory: Directory) -> None:
    """Groups are listed by name, and found by word beginnings and by address."""
    made = [await group(directory, name) for name in ("Vendors", "Ärzte", "Partners")]
    listed = await groups.list_groups(directory, Window(9))
    assert [each["displayName"] for each in listed.documents] == ["Ärzte", "Partners", "Vendors"]
    assert [each["_id"] for each in (await groups.list_groups(directory, Window(9), "arz")).documents] == [
        made[1]["_id"]
    ]
    found = await groups.group_by_address(directory, "VENDORS@us.example")
    assert found is not None
    assert found["_id"] == made[0]["_id"]


async def test_long_searches_are_refused(directory: Directory) -> None:
    """A search that no person types is refused before it becomes a query."""
    with pytest.raises(InvalidRequest):
        await groups.list_groups(directory, Window(9), "a " * 200)


async def test_group_update(directory: Directory) -> None:
    """A group is renamed and its description cleared; versions are checked, and no change makes no version."""
    made = await group(directory)
    after = await groups.update_group(directory, made["_id"], {"displayName": "Friends", "description": "x"}, 1)
    assert (after["displayName"], after["description"], after["version"]) == ("Friends", "x", 2)
    cleared = await groups.update_group(directory, made["_id"], {"description": None})
    assert "description" not in cleared
    assert (await groups.update_group(directory, made["_id"], {"displayName": "Friends"}))["version"] == 3
    with pytest.raises(VersionConflict):
        await groups.update_group(directory, made["_id"], {"displayName": "x"}, 1)
    await check(directory.db)


async def test_group_address_is_unique(directory: Directory) -> None:
    """A group's address belongs to no contact and no other group."""
    contact = await contacts.create_contact(directory, person())
    made = await group(directory)
    for address in (contact["emailAddress"], made["emailAddress"].upper()):
        with pytest.raises(EmailAddressTaken):
            await groups.create_group(directory, {"displayName": "x", "emailAddress": address})


async def test_memberships_are_idempotent(directory: Directory, sync_directory: Directory) -> None:
    """Adding and removing many at once counts each contact once, synced ones too, and names ids of nobody."""
    made = await group(directory)
    ids = [(await contacts.create_contact(directory, person(f"Ana {x}")))["_id"] for x in "abc"]
    ids.append((await synced(sync_directory))["_id"])
    first = await groups.add_contacts(directory, made["_id"], [*ids, ids[0], "nobody"])
    again = await groups.add_contacts(directory, made["_id"], ids[:2])
    assert (first.group["memberCount"], first.changed, first.unknown_ids) == (4, 4, ["nobody"])
    assert (again.group["memberCount"], again.changed) == (4, 0)
    await check(directory.db)
    removed = await groups.remove_contacts(directory, made["_id"], [*ids[:2], "nobody"])
    assert (removed.group["memberCount"], removed.changed) == (2, 2)
    await check(directory.db)


async def test_racing_memberships_are_counted_exactly(directory: Directory) -> None:
    """The same contacts added and removed by many at once are counted once each."""
    made = await group(directory)
    ids = [(await contacts.create_contact(directory, person(f"Ana {x}")))["_id"] for x in range(6)]
    await asyncio.gather(
        *(groups.add_contacts(directory, made["_id"], ids[n:]) for n in range(6)),
        *(groups.remove_contacts(directory, made["_id"], ids[n : n + 2]) for n in range(6)),
    )
    await check(directory.db)


async def test_membership_survives_updates(directory: Directory) -> None:
    """A contact that is changed while it is added stays a member."""
    made = await group(directory)
    contact = await contacts.create_contact(directory, person())
    await asyncio.gather(
        groups.add_contacts(directory, made["_id"], [contact["_id"]]),
        *(contacts.update_contact(directory, contact["_id"], {"notes": str(n)}) for n in range(4)),
    )
    members = await contacts.list_contacts(directory, Selection(group_id=made["_id"]), Ordering("keys.name"), Window(9))
    assert [each["_id"] for each in members.documents] == [contact["_id"]]
    await check(directory.db)


async def test_deleted_group_leaves_nothing(directory: Directory) -> None:
    """Deleting a group frees its address and its members, who stay contacts."""
    made = await group(directory)
    contact = await contacts.create_contact(directory, person())
    await groups.add_contacts(directory, made["_id"], [contact["_id"]])
    await groups.delete_group(directory, made["_id"])
    after = await contacts.get_contact(directory, contact["_id"])
    assert after is not None
    assert "groupIds" not in after
    await check(directory.db)
    await group(directory)


async def test_group_deleted_while_members_are_added(directory: Directory) -> None:
    """Whoever comes first, no contact stays a member of a group that is gone."""
    for _ in range(5):
        made = await group(directory)
        contact = await contacts.create_contact(directory, person())
        await asyncio.gather(
            groups.delete_group(directory, made["_id"]),
            groups.add_contacts(directory, made["_id"], [contact["_id"]]),
            return_exceptions=True,
        )
        await check(directory.db)
        await contacts.delete_contact(directory, contact["_id"])


async def test_unknown_group(directory: Directory) -> None:
    """What does not exist cannot be changed."""
    for work in (
        groups.update_group(directory, "x", {}),
        groups.add_contacts(directory, "x", []),
        groups.remove_contacts(directory, "x", []),
    ):
        with pytest.raises(NotFound):
            await work
    with pytest.raises(NotFound):
        await groups.delete_group(directory, "x")


async def test_bad_groups_are_refused(directory: Directory) -> None:
    """A group needs a name and an address, and takes a bounded number of members at a time."""
    with pytest.raises(InvalidInput) as caught:
        await groups.create_group(directory, {"displayName": "", "emailAddress": "nope", "owner": "x"})
    assert {each.field for each in caught.value.fields} == {"displayName", "emailAddress", "owner"}
    made = await group(directory)
    with pytest.raises(InvalidInput):
        await groups.add_contacts(directory, made["_id"], [str(n) for n in range(MAX_BULK + 1)])
