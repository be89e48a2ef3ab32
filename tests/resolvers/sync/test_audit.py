"""Runs of the sync in the audit log."""

from resolvers import audit_log
from resolvers.caller import Caller
from storage.audit.entries import AuditSelection
from storage.lists.pages import Window
from tests.support.simulation import Simulated, contact, cycle


async def test_each_run_leaves_one_entry(sync_caller: Caller) -> None:
    """Each run, also a dry one, leaves one entry with its numbers, but none for each contact."""
    everyone = Simulated([contact(1, "Ann", "a@x.test"), contact(2, "Bo", "b@x.test")], [])
    await cycle(sync_caller, everyone, dry_run=True)
    await cycle(sync_caller, everyone)
    found = (await audit_log.list_entries(sync_caller, AuditSelection(), Window(10))).documents
    assert [(each["action"], each["actorId"], each["channel"]) for each in found] == [
        ("SYNC", "Active Directory", "SYNC"),
        ("SYNC", "Active Directory", "SYNC"),
    ]
    done, dry = (each["details"] for each in found)
    assert (dry["dryRun"], dry["created"]) == (True, 2)
    assert (done["dryRun"], done["created"], done["status"]) == (False, 2, "SUCCEEDED")
    runs = [run["_id"] async for run in sync_caller.db.sync_runs.find().sort("_id", -1)]
    assert [each["targetIds"] for each in found] == [[run] for run in runs]
