"""A dry run predicts exactly what the next run does, whatever its batches, and writes nothing."""

import pytest

from resolvers import contacts
from resolvers.caller import Caller
from storage.documents import Document
from storage.lists.pages import Window
from storage.sync import runs
from tests.support.people import person
from tests.support.simulation import BASE, Simulated, contact, cycle, group
from tests.support.syncing import counts


@pytest.fixture(autouse=True)
def single(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of one object, so that no result depends on all objects being in one batch."""
    monkeypatch.setattr("resolvers.sync.contact_writer.BATCH", 1)
    monkeypatch.setattr("resolvers.sync.run.BATCH", 1)


async def details(caller: Caller, record: Document, kind: runs.Kind) -> list[Document]:
    """The skipped objects or the differences of a run."""
    return list((await runs.detail_page(caller.db, record["_id"], kind, Window(100))).documents)


async def differences(caller: Caller, record: Document) -> list[tuple[str, str, Document, Document]]:
    """The differences of a run: action, name, before and after."""
    found = await details(caller, record, "differences")
    return [
        (each["action"], each["distinguishedName"][3:].split(",")[0], each["before"], each["after"]) for each in found
    ]


async def skips(caller: Caller, record: Document) -> list[tuple[str, str]]:
    """The skipped objects of a run, with the reasons."""
    return [(each["objectGuid"], each["code"]) for each in await details(caller, record, "skips")]


async def content(caller: Caller) -> list[Document]:
    """Every contact and group."""
    return [each for kind in (caller.db.contacts, caller.db.groups) async for each in kind.find()]


async def dry_run_then_run(caller: Caller, reader: Simulated, *, ad_soft_match: bool = False) -> Document:
    """Do a dry run, which must write nothing, and a run, which must do the same. Returns the dry run's record."""
    before = await content(caller)
    dry = await cycle(caller, reader, dry_run=True, ad_soft_match=ad_soft_match)
    assert await content(caller) == before
    record = await cycle(caller, reader, ad_soft_match=ad_soft_match)
    assert counts(record) == counts(dry)
    assert await skips(caller, record) == await skips(caller, dry)
    return dry


async def test_first_run(sync_caller: Caller) -> None:
    """New contacts with managers in later batches, a duplicate address, and groups with their members."""
    people = [
        contact(1, "Ann", "a@x.test", manager=2),
        contact(2, "Bo", "b@x.test"),
        contact(3, "Cy", "a@x.test"),
        contact(4, "Di", "d@x.test", aliases=["b@x.test"]),
    ]
    teams = [group(8, "team", [1, 2, 3, 9]), group(9, "taken", [1], address="A@x.test")]
    dry = await dry_run_then_run(sync_caller, Simulated(people, teams))
    assert counts(dry) == {"created": 2, "skipped": 3, "groupsChanged": 1, "membershipsChanged": 2}
    found = await differences(sync_caller, dry)
    assert [(action, name) for action, name, _, _ in found] == [
        ("CREATED", "Ann"),
        ("CREATED", "Bo"),
        ("UPDATED", "Ann"),
        ("CREATED", "team"),
        ("UPDATED", "team"),
    ]
    assert list(found[2][3]) == ["managerId"]
    assert found[3][3] == {"displayName": "team", "emailAddress": "team@groups.test"}
    assert found[4][3] == {"members": [f"CN=1,{BASE}", f"CN=2,{BASE}"]}


async def test_changes(sync_caller: Caller) -> None:
    """Addresses that move between contacts, deletions, and groups that change, lose members and are deleted."""
    people = [contact(number, name, f"{name}@x.test") for number, name in enumerate(("Ann", "Bo", "Cy", "Di"), 1)]
    teams = [group(8, "team", [1, 3, 4]), group(9, "gone", [1])]
    await cycle(sync_caller, Simulated(people, teams))
    changed = [
        contact(1, "Ann", "bo@x.test", 101),
        contact(2, "Bo", "new@x.test", 102, manager=3),
        people[3],
        contact(5, "Ed", "ann@x.test", 103, manager=1),
        contact(6, "Flo", "cy@x.test", 104),
    ]
    dry = await dry_run_then_run(sync_caller, Simulated(changed, [group(8, "crew", [1, 5], usn=105)], usn=105))
    assert counts(dry) == {
        "created": 2,
        "updated": 2,
        "deleted": 1,
        "unchanged": 1,
        "groupsChanged": 2,
        "membershipsChanged": 2,
    }
    found = {(action, name): (before, after) for action, name, before, after in await differences(sync_caller, dry)}
    assert found["DELETED", "gone"][0] == {"displayName": "gone", "emailAddress": "gone@groups.test"}
    assert found["UPDATED", "Bo"] == ({"emailAddress": "Bo@x.test"}, {"emailAddress": "new@x.test"})
    assert found["UPDATED", "crew"] == ({"members": [f"CN=Di,{BASE}"]}, {"members": [f"CN=5,{BASE}"]})


async def test_soft_match(sync_caller: Caller, caller: Caller) -> None:
    """A dry run also matches a cloud contact only once, and adds it to the groups."""
    await contacts.create_contact(caller, person("Una Cloud", emailAddress="a@x.test"))
    people = [contact(1, "Ann", "a@x.test"), contact(2, "Twin", "a@x.test", manager=1)]
    dry = await dry_run_then_run(sync_caller, Simulated(people, [group(9, "team", [1, 2])]), ad_soft_match=True)
    assert counts(dry) == {"updated": 1, "skipped": 1, "groupsChanged": 1, "membershipsChanged": 1}
