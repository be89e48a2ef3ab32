"""Runs that read another domain controller's database than the last run, with its own USNs."""

from resolvers import contacts
from resolvers.caller import Caller
from tests.support.people import person
from tests.support.queries import counted
from tests.support.simulation import Simulated, contact, cycle, group, named


async def test_stale_values_of_a_failover_are_corrected(sync_caller: Caller) -> None:
    """Outdated data from a lagging server is corrected by the first run after switching back, a full one."""
    await cycle(sync_caller, Simulated([contact(1, "Ann", "ann@x.test", 50, jobTitle="New")]))
    await cycle(sync_caller, Simulated([contact(1, "Ann", "ann@x.test", 7, jobTitle="Old")], database="B", usn=9))
    assert (await named(sync_caller, "Ann"))["jobTitle"] == "Old"
    back = await cycle(sync_caller, Simulated([contact(1, "Ann", "ann@x.test", 50, jobTitle="New")], usn=101))
    assert (await named(sync_caller, "Ann"))["jobTitle"] == "New"
    assert back["fullReason"] == "OTHER_DATABASE"


async def test_refused_change_after_a_failover(sync_caller: Caller, caller: Caller) -> None:
    """A skipped change is retried by each run, whichever database the contact was read from before."""
    holder = await contacts.create_contact(caller, person("Una Cloud", emailAddress="new@x.test"))
    await cycle(sync_caller, Simulated([contact(1, "Ann", "a@x.test", 5)]))
    await cycle(sync_caller, Simulated([contact(1, "Ann", "a@x.test", 6)], database="B", usn=50))
    changed = [contact(1, "Ann", "new@x.test", 51)]
    for usn in (51, 52, 53):
        assert (await cycle(sync_caller, Simulated(changed, database="B", usn=usn)))["skipped"] == 1
    await contacts.delete_contact(caller, holder["_id"])
    assert (await cycle(sync_caller, Simulated(changed, database="B", usn=54)))["updated"] == 1


async def test_a_failover_is_noted_once(sync_caller: Caller) -> None:
    """The first run on another database records its USN for each contact; the next one writes nothing."""
    ann, bo = contact(1, "Ann", "a@x.test", 5), contact(2, "Bo", "b@x.test", 6)
    await cycle(sync_caller, Simulated([ann, bo]))
    before = await named(sync_caller, "Ann")
    for usn, written in ((50, True), (51, False)):
        with counted() as commands:
            record = await cycle(sync_caller, Simulated([ann, bo], database="B", usn=usn))
        assert (record["updated"], record["unchanged"]) == (0, 2)
        assert ("update contacts" in commands) is written
    after = await named(sync_caller, "Ann")
    assert (after["version"], after["updatedAt"]) == (before["version"], before["updatedAt"])


async def test_missing_on_a_server_that_lags_behind(sync_caller: Caller) -> None:
    """Objects missing in another database are kept until the next run, or deleted at once if it has a tombstone."""
    people = [contact(1, "Ann", "a@x.test"), contact(2, "Bo", "b@x.test"), contact(3, "Cy", "c@x.test")]
    teams = [group(8, "kept", [1]), group(9, "team", [1])]
    await cycle(sync_caller, Simulated(people, teams))
    record = await cycle(sync_caller, Simulated(people[:1], teams[:1], database="B", usn=50, deleted=[2]))
    assert (record["deleted"], record["groupsChanged"]) == (1, 0)
    assert any("1 of the synced contacts" in note for note in record["notes"]), record["notes"]
    assert await named(sync_caller, "Cy")
    record = await cycle(sync_caller, Simulated(people[:1], teams[:1], database="B", usn=51))
    assert (record["deleted"], record["groupsChanged"], record["notes"]) == (1, 1, [])


async def test_missing_only_while_a_server_lags_behind(sync_caller: Caller) -> None:
    """An object missing in another database is not deleted if the next run finds it."""
    people = [contact(1, "Ann", "a@x.test"), contact(2, "Bo", "b@x.test")]
    await cycle(sync_caller, Simulated(people))
    await cycle(sync_caller, Simulated(people[:1], database="B", usn=50))
    record = await cycle(sync_caller, Simulated(people, database="B", usn=51))
    assert (record["deleted"], record["unchanged"]) == (0, 2)
