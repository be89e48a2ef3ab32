"""The schedule of the sync when services start; needs no domain controller."""

import asyncio
import sys

import pytest

from connector.errors import ExtraMissing
from connector.scheduler import scheduled
from resolvers.caller import Caller
from resolvers.sync import control
from settings import Settings
from storage.documents import now
from storage.sync import schedule, state
from tests.support import waiting


def syncing_settings(**changes: object) -> Settings:
    """Settings of a service that syncs from a nonexistent server."""
    values = {"ad_urls": ("ldaps://127.0.0.1:1",), "ad_bind_dn": "CN=reader", "ad_password": "secret"}
    return Settings.model_validate(values | changes)


async def enabled(caller: Caller, wanted: bool) -> None:
    """Wait until a sync is scheduled, or until none is."""
    await waiting.until(lambda: control.status(caller), lambda status: status["enabled"] is wanted)


async def test_missing_extra_is_named(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that is configured to sync but lacks python-ldap does not start, and says what to install."""
    monkeypatch.setitem(sys.modules, "ldap", None)
    with pytest.raises(ExtraMissing, match=r"dev\.py install ad"):
        async with scheduled(caller, syncing_settings()):
            pass


async def test_nothing_is_due_without_a_directory(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no service has confirmed the schedule for a while, the others remove it and the queued run."""
    monkeypatch.setattr("connector.scheduler.CONFIRM_SECONDS", 0.01)
    await schedule.confirm(caller.db, "dc1", 30)
    run = await control.start(caller)
    async with scheduled(caller, Settings()):
        await asyncio.sleep(0.1)
        assert (await control.status(caller))["enabled"] is True
        monkeypatch.setattr("connector.scheduler.SILENT_SECONDS", 0)
        await enabled(caller, False)
        status = await control.status(caller)
    assert (status["enabled"], status["nextRunAt"]) == (False, None)
    assert (await control.get_run(caller, run["_id"]))["status"] == "ABANDONED"


async def test_service_without_a_directory_leaves_the_others_alone(caller: Caller) -> None:
    """A service that starts without these settings keeps the schedule and the queued run of the others."""
    await schedule.confirm(caller.db, "dc1", 30)
    before = (await control.status(caller))["nextRunAt"]
    run = await control.start(caller)
    async with scheduled(caller, Settings()):
        status = await control.status(caller)
    assert (status["enabled"], status["nextRunAt"]) == (True, before)
    assert (await control.get_run(caller, run["_id"]))["status"] == "QUEUED"


async def test_schedule_is_confirmed(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that syncs confirms the schedule regularly, which also restores a removed one."""
    pytest.importorskip("ldap", reason="needs python-ldap, the extra named ad")
    monkeypatch.setattr("connector.scheduler.CONFIRM_SECONDS", 0.01)
    monkeypatch.setattr("connector.scheduler.POLL_SECONDS", 60)
    async with scheduled(caller, syncing_settings()):
        assert await state.unscheduled(caller.db, 0)
        await enabled(caller, True)


async def test_shorter_interval_counts_from_now(caller: Caller) -> None:
    """A shorter interval takes effect at restart; a longer one does not move the next run."""
    await schedule.confirm(caller.db, "dc1", 30)
    first = (await control.status(caller))["nextRunAt"]
    await caller.db.state.update_one({"_id": schedule.ID}, {"$set": {"nextRunAt": now().replace(year=2100)}})
    await schedule.confirm(caller.db, "dc1", 5)
    second = (await control.status(caller))["nextRunAt"]
    await schedule.confirm(caller.db, "dc1", 60)
    assert first < second  # type: ignore[operator]  # datetimes
    assert (await control.status(caller))["nextRunAt"] == second
