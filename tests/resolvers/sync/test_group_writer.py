"""How runs write distribution groups, read from a simulated domain controller."""

from resolvers import contacts
from resolvers.caller import Caller
from tests.support.people import person
from tests.support.queries import counted
from tests.support.simulation import Simulated, contact, cycle, group, named


async def test_refused_change_of_a_group_is_tried_again(sync_caller: Caller, caller: Caller) -> None:
    """A known group whose new address is taken is reported by each run, and changed once the address is free."""
    holder = await contacts.create_contact(caller, person("Una Cloud", emailAddress="new@x.test"))
    await cycle(sync_caller, Simulated([], [group(9, "team", usn=1)]))
    changed = [group(9, "team", usn=101, address="new@x.test")]
    for usn in (101, 102, 103):
        assert (await cycle(sync_caller, Simulated([], changed, usn=usn)))["skipped"] == 1
    await contacts.delete_contact(caller, holder["_id"])
    assert (await cycle(sync_caller, Simulated([], changed, usn=104)))["groupsChanged"] == 1
    assert (await sync_caller.db.groups.find_one({}) or {})["emailAddress"] == "new@x.test"
    assert (await cycle(sync_caller, Simulated([], changed, usn=105)))["skipped"] == 0


async def test_outdated_members_are_corrected(sync_caller: Caller) -> None:
    """Outdated memberships from a lagging server are corrected by the first run after switching back."""
    people = [contact(1, "Ann", "a@x.test", 1), contact(2, "Bo", "b@x.test", 1)]
    await cycle(sync_caller, Simulated(people, [group(9, "team", [1, 2], usn=50)]))
    await cycle(sync_caller, Simulated(people, [group(9, "team", [1], usn=7)], database="B", usn=9))
    assert "groupIds" not in await named(sync_caller, "Bo")
    await cycle(sync_caller, Simulated(people, [group(9, "team", [1, 2], usn=50)], usn=101))
    assert "groupIds" in await named(sync_caller, "Bo")


async def test_group_within_a_group(sync_caller: Caller) -> None:
    """A group that is a member of another group is not a contact: reading it again writes nothing."""
    people, nested = [contact(1, "Ann", "a@x.test")], [group(9, "inner", [1]), group(8, "outer", [9, 1])]
    await cycle(sync_caller, Simulated(people, nested))
    with counted() as commands:
        record = await cycle(sync_caller, Simulated(people, nested, usn=101), full=True)
    assert (record["groupsChanged"], record["membershipsChanged"]) == (0, 0)
    assert not {f"{write} {of}" for write in ("update", "delete") for of in ("contacts", "groups")} & set(commands)


async def test_group_that_is_somebodys_manager(sync_caller: Caller) -> None:
    """A contact whose manager is a distribution group is synced without a manager."""
    team = [group(9, "team", [1])]
    await cycle(sync_caller, Simulated([contact(1, "Ann", "a@x.test", 1, manager=9)], team))
    changed = contact(1, "Ann", "a@x.test", 101, manager=9, jobTitle="Buyer")
    assert (await cycle(sync_caller, Simulated([changed], team, usn=101)))["updated"] == 1
    ann = await named(sync_caller, "Ann")
    assert (ann["jobTitle"], "managerId" in ann) == ("Buyer", False)


async def test_matched_contact_joins_its_groups(sync_caller: Caller, caller: Caller) -> None:
    """A cloud contact that becomes a synced one becomes a member of the groups that already contained the object."""
    await contacts.create_contact(caller, person("Una Cloud", emailAddress="a@x.test"))
    there = ([contact(1, "Ann", "a@x.test")], [group(9, "team", [1])])
    assert (await cycle(sync_caller, Simulated(*there)))["skipped"] == 1
    record = await cycle(sync_caller, Simulated(*there, usn=101), ad_soft_match=True)
    assert (record["updated"], record["membershipsChanged"]) == (1, 1)
    assert "groupIds" in await named(sync_caller, "Ann")


async def test_many_group_deletions_stop_the_run(sync_caller: Caller) -> None:
    """A run that would delete many groups changes nothing, not even contacts, until that is allowed."""
    teams = [group(number, f"team{number}", [1]) for number in range(10, 30)]
    await cycle(sync_caller, Simulated([contact(1, "Ann", "a@x.test")], teams))
    changed = Simulated([contact(1, "Ann", "a@x.test", 101, jobTitle="Buyer")], [], usn=101)
    record = await cycle(sync_caller, changed, ad_max_deletions_percent=10)
    assert (record["status"], record["problem"]["code"]) == ("STOPPED", "TOO_MANY_DELETIONS")
    assert "20 of 20 synced groups" in record["problem"]["message"]
    assert "jobTitle" not in await named(sync_caller, "Ann")
    record = await cycle(sync_caller, changed, allow_deletions=True, ad_max_deletions_percent=10)
    assert (record["status"], record["groupsChanged"], record["updated"]) == ("SUCCEEDED", 20, 1)
