from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from connector.reader import ActiveDirectoryReader
from connector.session import open_session
from settings import Settings
from storage.driver import Database
from tests.ad import provision
from tests.ad.controller import Controller, fresh_controller, why_not

if TYPE_CHECKING:
    from tests.ad.administrator import Administrator
    from tests.connector.syncing import Syncing


@pytest.fixture
def controller() -> Iterator[Controller]:
    """A running domain controller of this test's own."""
    if reason := why_not():
        pytest.skip(reason)
    with fresh_controller() as made:
        made.start()
        yield made


@pytest.fixture
def admin(controller: Controller) -> Iterator["Administrator"]:
    with controller.administrator() as administrator:
        yield administrator


def settings_for(controller: Controller, **changes: object) -> Settings:
    """Settings of a service that reads this domain controller."""
    values: dict[str, object] = {
        "ad_urls": (controller.url,),
        "ad_bind_dn": provision.READER_DN,
        "ad_password": provision.READER_PASSWORD,
        "ad_ca_file": controller.ca_file,
        "ad_timeout_seconds": 60,  # more than a busy machine needs: tests of what is slow have limits of their own
    }
    return Settings.model_validate(values | changes)


@asynccontextmanager
async def reading(controller: Controller, **changes: object) -> AsyncIterator[ActiveDirectoryReader]:
    """A reader in a session of its own."""
    settings = settings_for(controller, **changes)
    async with open_session(settings) as session:
        yield await ActiveDirectoryReader.open(session, settings)


@pytest.fixture
def syncing(controller: Controller, db: Database, mongodb_uri: str) -> "Syncing":
    """Cycles from this test's own domain controller into its database."""
    from tests.connector.syncing import Syncing

    return replace(Syncing.with_settings(controller, db), uri=mongodb_uri)
