"""Distribution groups and memberships, on a real MongoDB."""

import asyncio

import pytest

from resolvers import contacts, groups
from resolvers.caller import Caller
from resolvers.contacts import MAX_BULK
from resolvers.errors import EmailAddressTaken, InvalidInput, InvalidRequest, NotFound, VersionConflict
from storage.documents import Document
from storage.lists.pages import Ordering, Window
from storage.lists.selection import Selection
from tests.support.consistency import check
from tests.support.people import person, synced


async def group(caller: Caller, name: str = "Partners") -> Document:
    """Create a group with this name."""
    return await groups.create_group(caller, {"displayName": name, "emailAddress": f"{name.lower()}@us.example"})


async def test_group_is_found_by_words_and_address(caller: Caller) -> None:
    """Groups are listed by name, and found by the beginnings of words and by address."""
    made = [await group(caller, name) for name in ("Vendors", "Ärzte", "Partners")]
    listed = await groups.list_groups(caller, Window(9))
    assert [each["displayName"] for each in listed.documents] == ["Ärzte", "Partners", "Vendors"]
    assert [each["_id"] for each in (await groups.list_groups(caller, Window(9), "arz")).documents] == [made[1]["_id"]]
    found = await groups.group_by_address(caller, "VENDORS@us.example")
    assert found is not None
    assert found["_id"] == made[0]["_id"]


async def test_long_searches_are_refused(caller: Caller) -> None:
    """A search that is too long is refused before it becomes a query."""
    with pytest.raises(InvalidRequest):
        await groups.list_groups(caller, Window(9), "a " * 200)


async def test_group_update(caller: Caller) -> None:
    """A group is renamed and its description cleared; versions are checked, and no change creates no version."""
    made = await group(caller)
    after = await groups.update_group(caller, made["_id"], {"displayName": "Friends", "description": "x"}, 1)
    assert (after["displayName"], after["description"], after["version"]) == ("Friends", "x", 2)
    cleared = await groups.update_group(caller, made["_id"], {"description": None})
    assert "description" not in cleared
    assert (await groups.update_group(caller, made["_id"], {"displayName": "Friends"}))["version"] == 3
    with pytest.raises(VersionConflict):
        await groups.update_group(caller, made["_id"], {"displayName": "x"}, 1)
    await check(caller.db)


async def test_group_address_is_unique(caller: Caller) -> None:
    """A group's address cannot belong to a contact or another group."""
    contact = await contacts.create_contact(caller, person())
    made = await group(caller)
    for address in (contact["emailAddress"], made["emailAddress"].upper()):
        with pytest.raises(EmailAddressTaken):
            await groups.create_group(caller, {"displayName": "x", "emailAddress": address})


async def test_memberships_are_idempotent(caller: Caller, sync_caller: Caller) -> None:
    """Adding and removing several contacts counts each once, including synced ones, and reports unknown IDs."""
    made = await group(caller)
    ids = [(await contacts.create_contact(caller, person(f"Ana {x}")))["_id"] for x in "abc"]
    ids.append((await synced(sync_caller))["_id"])
    first = await groups.add_contacts(caller, made["_id"], [*ids, ids[0], "nobody"])
    again = await groups.add_contacts(caller, made["_id"], ids[:2])
    assert (first.group["memberCount"], first.changed, first.unknown_ids) == (4, 4, ["nobody"])
    assert (again.group["memberCount"], again.changed) == (4, 0)
    await check(caller.db)
    removed = await groups.remove_contacts(caller, made["_id"], [*ids[:2], "nobody"])
    assert (removed.group["memberCount"], removed.changed) == (2, 2)
    await check(caller.db)


async def test_racing_memberships_are_counted_exactly(caller: Caller) -> None:
    """If the same contacts are added and removed concurrently, each is counted once."""
    made = await group(caller)
    ids = [(await contacts.create_contact(caller, person(f"Ana {x}")))["_id"] for x in range(6)]
    await asyncio.gather(
        *(groups.add_contacts(caller, made["_id"], ids[n:]) for n in range(6)),
        *(groups.remove_contacts(caller, made["_id"], ids[n : n + 2]) for n in range(6)),
    )
    await check(caller.db)


async def test_membership_survives_updates(caller: Caller) -> None:
    """A contact that is changed while it is added becomes a member."""
    made = await group(caller)
    contact = await contacts.create_contact(caller, person())
    await asyncio.gather(
        groups.add_contacts(caller, made["_id"], [contact["_id"]]),
        *(contacts.update_contact(caller, contact["_id"], {"notes": str(n)}) for n in range(4)),
    )
    members = await contacts.list_contacts(caller, Selection(group_id=made["_id"]), Ordering("keys.name"), Window(9))
    assert [each["_id"] for each in members.documents] == [contact["_id"]]
    await check(caller.db)


async def test_deleted_group_leaves_nothing(caller: Caller) -> None:
    """Deleting a group frees its address and removes its members, but does not delete them."""
    made = await group(caller)
    contact = await contacts.create_contact(caller, person())
    await groups.add_contacts(caller, made["_id"], [contact["_id"]])
    await groups.delete_group(caller, made["_id"])
    after = await contacts.get_contact(caller, contact["_id"])
    assert after is not None
    assert "groupIds" not in after
    await check(caller.db)
    await group(caller)


async def test_group_deleted_while_members_are_added(caller: Caller) -> None:
    """Whatever happens first, no contact stays a member of a deleted group."""
    for _ in range(5):
        made = await group(caller)
        contact = await contacts.create_contact(caller, person())
        await asyncio.gather(
            groups.delete_group(caller, made["_id"]),
            groups.add_contacts(caller, made["_id"], [contact["_id"]]),
            return_exceptions=True,
        )
        await check(caller.db)
        await contacts.delete_contact(caller, contact["_id"])


async def test_unknown_group(caller: Caller) -> None:
    """An unknown group cannot be changed."""
    for work in (
        groups.update_group(caller, "x", {}),
        groups.add_contacts(caller, "x", []),
        groups.remove_contacts(caller, "x", []),
    ):
        with pytest.raises(NotFound):
            await work
    with pytest.raises(NotFound):
        await groups.delete_group(caller, "x")


async def test_bad_groups_are_refused(caller: Caller) -> None:
    """A group needs a name and an address, and a limited number of members can be added at a time."""
    with pytest.raises(InvalidInput) as caught:
        await groups.create_group(caller, {"displayName": "", "emailAddress": "nope", "owner": "x"})
    assert {each.field for each in caught.value.fields} == {"displayName", "emailAddress", "owner"}
    made = await group(caller)
    with pytest.raises(InvalidInput):
        await groups.add_contacts(caller, made["_id"], [str(n) for n in range(MAX_BULK + 1)])
