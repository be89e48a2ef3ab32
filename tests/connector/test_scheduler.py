"""What happens to the sync when a service starts, without any domain controller."""

import sys

import pytest

from connector.errors import ExtraMissing
from connector.scheduler import scheduled
from resolvers import sync_control
from resolvers.directory import Directory
from settings import Settings
from storage import sync_lease
from storage.documents import now
from storage.sync_lease import schedule


def syncing_settings(**changes: object) -> Settings:
    """Settings of a service that syncs from a server that is not there."""
    values = {"ad_urls": ("ldaps://127.0.0.1:1",), "ad_bind_dn": "CN=reader", "ad_password": "secret"}
    return Settings.model_validate(values | changes)


async def test_missing_extra_is_named(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that shall sync and lacks python-ldap does not start, and says what to install."""
    monkeypatch.setitem(sys.modules, "ldap", None)
    with pytest.raises(ExtraMissing, match=r"contacts-service\[ad\]"):
        async with scheduled(directory, syncing_settings()):
            pass


async def test_nothing_is_due_without_a_directory(directory: Directory) -> None:
    """A service that was configured to sync, and is no longer, says so everywhere, and forgets what was asked for."""
    await schedule(directory.db, "dc1", 30)
    run = await sync_control.start(directory)
    async with scheduled(directory, Settings()):
        status = await sync_control.status(directory)
    assert (status["enabled"], status["nextRunAt"]) == (False, None)
    assert (await sync_control.get_run(directory, run["_id"]))["status"] == "ABANDONED"


async def test_shorter_interval_counts_from_now(directory: Directory) -> None:
    """Restarted with a shorter interval, a service does not wait for the longer one to end; with a longer, it keeps."""
    await schedule(directory.db, "dc1", 30)
    first = (await sync_control.status(directory))["nextRunAt"]
    await directory.db.state.update_one({"_id": sync_lease.ID}, {"$set": {"nextRunAt": now().replace(year=2100)}})
    await schedule(directory.db, "dc1", 5)
    second = (await sync_control.status(directory))["nextRunAt"]
    await schedule(directory.db, "dc1", 60)
    assert first < second  # type: ignore[operator] # moments
    assert (await sync_control.status(directory))["nextRunAt"] == second
