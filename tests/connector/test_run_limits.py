"""Runs that need care: many deletions, other databases, older copies, contacts made cloud-only, dry runs."""

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resolvers import contacts, groups
from resolvers.caller import Caller
from resolvers.errors import GroupReadOnly
from resolvers.sync.cloud_only import make_cloud_only
from storage.documents import Document
from storage.lists.pages import Window
from storage.sync import runs
from tests.support.ad import provision
from tests.support.ad.provision import CONTACTS_DN
from tests.support.syncing import Syncing, counts, own

if TYPE_CHECKING:
    from tests.support.ad.administrator import Administrator
    from tests.support.ad.controller import Controller

pytestmark = pytest.mark.ad

ANN, BO = f"CN=Ann,{CONTACTS_DN}", f"CN=Bo,{CONTACTS_DN}"


def many(number: int) -> str:
    """LDIF for this many contacts."""
    return "\n".join(
        f"dn: CN=C {index},{CONTACTS_DN}\nobjectClass: contact\nmail: c{index}@x.test\n" for index in range(number)
    )


async def differences(syncing: Syncing, record: Document) -> dict[str, Document]:
    """The changes of a dry run, by action."""
    page = await runs.detail_page(syncing.db, record["_id"], "differences", Window(100))
    return {each["action"]: each for each in page.documents}


@pytest.mark.slow
async def test_501_deletions(controller: "Controller", syncing: Syncing) -> None:
    """A run that would delete more than 500 contacts stops with a message, and deletes them once that is allowed."""
    controller.stop()
    controller.load(many(600))
    controller.start()
    assert counts(await syncing.succeed()) == {"created": 600}
    controller.stop()
    delete_many(controller, 501)
    controller.start()
    with controller.administrator() as admin:
        admin.set(f"CN=C 599,{CONTACTS_DN}", title="Buyer")
    for _ in range(2):
        stopped = await syncing.cycle()
        assert (stopped["status"], stopped["problem"]["code"], counts(stopped)) == ("STOPPED", "TOO_MANY_DELETIONS", {})
        assert "501 of 600" in stopped["problem"]["message"]
    assert "jobTitle" not in await syncing.contact("C 599")
    assert counts(await syncing.cycle(allow_deletions=True)) == {"updated": 1, "deleted": 501, "unchanged": 98}


def delete_many(controller: "Controller", number: int) -> None:
    """Delete this many contacts of the stopped server."""
    entries = (f"dn: CN=C {index},{CONTACTS_DN}\nchangetype: delete\n" for index in range(number))
    provision.ldb(controller.folder, "ldbmodify", "\n".join(entries), "-o", "batch_mode:1")


async def test_share_of_deletions(syncing: Syncing, admin: "Administrator") -> None:
    """Deleting more than 10% stops the run, even a few contacts; a single deletion is always allowed."""
    syncing.settings = syncing.settings.model_copy(update={"ad_max_deletions_percent": 10})
    for name in ("Ann", "Bo", "Cy", "Di", "Ed"):
        admin.add_contact(name)
    await syncing.succeed()
    admin.delete(ANN)
    assert counts(await syncing.succeed()) == {"deleted": 1, "unchanged": 4}
    admin.delete(BO)
    admin.delete(f"CN=Cy,{CONTACTS_DN}")
    assert (await syncing.cycle())["status"] == "STOPPED"
    preview = await syncing.cycle(dry_run=True)
    assert (preview["status"], preview["deleted"]) == ("SUCCEEDED", 2)
    assert "10%" in preview["notes"][0]
    assert (await syncing.cycle(allow_deletions=True))["deleted"] == 2


async def test_wrong_scope_deletes_nothing(syncing: Syncing, admin: "Administrator") -> None:
    """A filter that suddenly matches nobody would delete everyone, so the run stops."""
    for name in ("Ann", "Bo"):
        admin.add_contact(name)
    await syncing.succeed()
    syncing.settings = syncing.settings.model_copy(
        update={"ad_filter": "(company=Nobody)", "ad_max_deletions_percent": 10}
    )
    assert (await syncing.cycle())["status"] == "STOPPED"
    assert await syncing.names() == {"Ann", "Bo"}


async def test_lost_addresses_are_deletions(syncing: Syncing, admin: "Administrator") -> None:
    """Contacts that would be deleted because they lost their address count toward the limit."""
    syncing.settings = syncing.settings.model_copy(update={"ad_max_deletions_percent": 10})
    for name in ("Ann", "Bo"):
        admin.add_contact(name)
    await syncing.succeed()
    for dn in (ANN, BO):
        admin.set(dn, mail=None)
    stopped = await syncing.cycle()
    assert (stopped["status"], stopped["problem"]["code"]) == ("STOPPED", "TOO_MANY_DELETIONS")
    assert await syncing.names() == {"Ann", "Bo"}


async def test_other_database(controller: "Controller", syncing: Syncing) -> None:
    """A database with another invocationId is read in full, and unchanged contacts are not written."""
    with controller.administrator() as admin:
        admin.add_contact("Ann")
        admin.add_contact("Bo")
    await syncing.succeed()
    before = await syncing.contact("Bo")
    controller.stop()
    controller.renew_invocation(uuid.uuid4().bytes_le)
    controller.start()
    with controller.administrator() as admin:
        admin.set(ANN, title="Buyer")
    record = await syncing.succeed()
    assert (record["fullReason"], counts(record)) == ("OTHER_DATABASE", {"updated": 1, "unchanged": 1})
    bo = await syncing.contact("Bo")
    assert (own(bo), bo["version"], bo["updatedAt"]) == (own(before), before["version"], before["updatedAt"])
    assert (await syncing.succeed())["fullReason"] is None


@pytest.mark.parametrize("further", [0, 60])
async def test_restored_older_copy(controller: "Controller", syncing: Syncing, tmp_path: Path, further: int) -> None:
    """After an older copy is restored, contacts match that copy, even if its USN has passed the mark."""
    with controller.administrator() as admin:
        admin.add_contact("Ann", title="Buyer")
        admin.add_contact("Bo")
    await syncing.succeed()
    controller.stop()
    controller.save(tmp_path / "older")
    controller.start()
    with controller.administrator() as admin:
        admin.set(ANN, title="Director")
        admin.add_contact("Cy")
        admin.delete(BO)
    await syncing.succeed()
    assert await syncing.names() == {"Ann", "Cy"}
    controller.stop()
    controller.restore(tmp_path / "older")
    controller.start()
    with controller.administrator() as admin:
        for number in range(further):
            admin.set(CONTACTS_DN, description=str(number))
    record = await syncing.succeed()
    assert record["fullReason"] == (None if further else "ROLLED_BACK")
    assert await syncing.names() == {"Ann", "Bo"}
    assert (await syncing.contact("Ann"))["jobTitle"] == "Buyer"


async def test_dry_run(syncing: Syncing, admin: "Administrator") -> None:
    """A dry run lists changes by field and writes nothing; the following run makes exactly these changes."""
    admin.add_contact("Ann")
    admin.add_contact("Bo")
    admin.add_contact("Cy")
    await syncing.succeed()
    admin.set(ANN, title="Buyer")
    admin.delete(BO)
    admin.add_contact("Di", mail="bo@example.test")
    before = [each async for each in syncing.db.contacts.find()]
    preview = await syncing.cycle(dry_run=True)
    assert [each async for each in syncing.db.contacts.find()] == before
    found = await differences(syncing, preview)
    assert found["UPDATED"]["after"] == {"jobTitle": "Buyer"}
    assert found["DELETED"]["before"]["displayName"] == "Bo"
    assert found["CREATED"]["after"]["emailAddress"] == "bo@example.test"
    assert (
        counts(await syncing.succeed())
        == counts(preview)
        == {
            "created": 1,
            "updated": 1,
            "deleted": 1,
            "unchanged": 1,
        }
    )


async def test_cloud_only_contact_is_left_alone(syncing: Syncing, admin: "Administrator", caller: Caller) -> None:
    """A contact made cloud-only can be edited, and no run changes, deletes, duplicates or restores it."""
    admin.add_contact("Ann")
    admin.add_contact("Bo", manager=ANN)
    admin.add_group("Team", [ANN])
    await syncing.succeed()
    ann = await syncing.contact("Ann")
    outcome = await make_cloud_only(caller, [ann["_id"]])
    assert [each["source"] for each in outcome.contacts] == ["CLOUD"]
    await contacts.update_contact(caller, ann["_id"], {"displayName": "Ann Cloud"})
    admin.set(ANN, title="Director")
    admin.set(BO, title="Buyer")
    assert counts(await syncing.succeed()) == {"updated": 1}
    kept = await syncing.contact("Ann Cloud")
    assert ("jobTitle" in kept, "groupIds" in kept) == (False, True)
    assert (await syncing.contact("Bo"))["managerId"] == ann["_id"]
    assert (await syncing.changes(ann["_id"]))[1] == ("HANDED_OVER", "graphql")
    admin.set(BO, manager=None)
    await syncing.succeed()
    await contacts.delete_contact(caller, ann["_id"])
    admin.set(ANN, title="Adviser")
    admin.set(BO, manager=ANN)
    await syncing.succeed()
    assert await syncing.names() == {"Bo"}


async def test_synced_group_is_read_only(syncing: Syncing, admin: "Administrator", caller: Caller) -> None:
    """Renaming, changing members of and deleting a synced group fail with a message that says where to edit it."""
    admin.add_contact("Ann")
    admin.add_contact("Bo")
    admin.add_group("Team", [ANN])
    await syncing.succeed()
    before = await syncing.db.groups.find_one({}) or {}
    ids = [(await syncing.contact(name))["_id"] for name in ("Ann", "Bo")]
    for attempt in (
        groups.update_group(caller, before["_id"], {"displayName": "Mine"}),
        groups.delete_group(caller, before["_id"]),
        groups.add_contacts(caller, before["_id"], ids),
        groups.remove_contacts(caller, before["_id"], ids),
    ):
        with pytest.raises(GroupReadOnly, match="CN=Team"):
            await attempt
    assert await syncing.db.groups.find_one({}) == before
    assert counts(await syncing.succeed()) == {"unchanged": 2}
