"""The sync in tests: one domain controller, one database, and runs started by hand."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from connector.reader import ActiveDirectoryReader
from connector.scheduler import AUTHOR, perform
from connector.session import open_session
from resolvers.caller import Caller, Role
from resolvers.sync import control, progress
from resolvers.sync.progress import SyncRun
from resolvers.sync.request import SyncRequest
from settings import Settings
from storage.documents import Document
from storage.driver import Database
from storage.lists.pages import Window
from storage.sync import runs
from tests.support.ad import provision
from tests.support.ad.controller import Controller
from tests.support.consistency import check

MINUTE = timedelta(minutes=1)
# Fields that the sync sets, not the contact itself.
KEPT = {"_id", "keys", "version", "createdAt", "updatedAt", "onPremises"}


def settings_for(controller: Controller, **changes: object) -> Settings:
    """Settings of a service that reads from this domain controller."""
    values: dict[str, object] = {
        "ad_urls": (controller.url,),
        "ad_bind_dn": provision.READER_DN,
        "ad_password": provision.READER_PASSWORD,
        "ad_ca_file": controller.ca_file,
        "ad_timeout_seconds": 60,  # more than a busy machine needs: tests of slow servers have their own timeouts
    }
    return Settings.model_validate(values | changes)


@asynccontextmanager
async def reading(controller: Controller, **changes: object) -> AsyncIterator[ActiveDirectoryReader]:
    """A reader with its own session."""
    settings = settings_for(controller, **changes)
    async with open_session(settings) as session:
        yield await ActiveDirectoryReader.open(session, settings)


@dataclass
class Syncing:
    """Does runs, and inspects the results. `settings` can be replaced between runs."""

    controller: Controller
    db: Database
    settings: Settings
    uri: str = ""

    @classmethod
    def with_settings(cls, controller: Controller, db: Database, **changes: object) -> "Syncing":
        """Deletions do not stop the runs unless `changes` say so: tests have few contacts and delete half of them."""
        defaults: dict[str, object] = {"ad_max_deletions_percent": 100}
        return cls(controller, db, settings_for(controller, **defaults | changes))

    @property
    def caller(self) -> Caller:
        """The sync as a caller."""
        return Caller(self.db, AUTHOR, Role.ADMIN)

    async def take(self, wanted: SyncRequest | None = None, seconds: float = 30) -> SyncRun:
        """The lease and a run. The lease must be free."""
        run = await progress.take(self.caller, wanted or SyncRequest(), seconds=seconds)
        assert run is not None
        return run

    async def cycle(self, *, dry_run: bool = False, allow_deletions: bool = False, full: bool = False) -> Document:
        """The record of a run, after which the data must be consistent."""
        run = await self.take(SyncRequest(dry_run, allow_deletions, full))
        await perform(run, self.settings)
        await check(self.db)
        return await control.get_run(self.caller, run.id)

    async def succeed(self) -> Document:
        """The record of a run, which must succeed."""
        record = await self.cycle()
        assert record["status"] == "SUCCEEDED", record
        return record

    async def contact(self, name: str) -> Document:
        """The contact with this name, which must exist."""
        found = await self.db.contacts.find_one({"displayName": name})
        assert found is not None, f"there is no {name}"
        return found

    async def names(self) -> set[str]:
        """The names of all contacts."""
        return {each["displayName"] async for each in self.db.contacts.find()}

    async def skips(self, record: Document) -> dict[str, str]:
        """Why objects were skipped, keyed by the first component of their DN."""
        page = await runs.detail_page(self.db, record["_id"], "skips", Window(100))
        return {each["distinguishedName"].split(",")[0]: each["code"] for each in page.documents}

    async def changes(self, contact_id: str) -> list[tuple[str, str]]:
        """The changes of a contact and their channels, earliest first."""
        cursor = self.db.history.find({"contactId": contact_id}).sort("_id", 1)
        return [(each["action"], each["through"]) async for each in cursor]


def counts(record: Document) -> dict[str, int]:
    """The counts of a record that aren't zero."""
    names = ("created", "updated", "deleted", "unchanged", "skipped", "groupsChanged", "membershipsChanged")
    return {name: record[name] for name in names if record[name]}


def own(contact: Document) -> Document:
    """The contact's own fields."""
    return {name: value for name, value in contact.items() if name not in KEPT}


def environment(syncing: Syncing, service: Settings, **more: str) -> dict[str, str]:
    """The environment of a process that syncs into the test's database."""
    return {
        **os.environ,
        "CONTACTS_MONGODB_URI": service.uri(),
        "CONTACTS_DATABASE": service.database,
        "CONTACTS_AD_URLS": " ".join(syncing.settings.ad_urls),
        "CONTACTS_AD_BIND_DN": syncing.settings.ad_bind_dn,
        "CONTACTS_AD_PASSWORD": provision.READER_PASSWORD,
        "CONTACTS_AD_CA_FILE": str(syncing.settings.ad_ca_file),
        **more,
    }
