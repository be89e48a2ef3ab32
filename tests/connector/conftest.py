from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from storage.driver import Database
from tests.support.ad.controller import Controller, fresh_controller, why_not
from tests.support.syncing import Syncing

if TYPE_CHECKING:
    from tests.support.ad.administrator import Administrator


@pytest.fixture
def controller() -> Iterator[Controller]:
    """A running domain controller for this test."""
    if reason := why_not():
        pytest.skip(reason)
    with fresh_controller() as made:
        made.start()
        yield made


@pytest.fixture
def admin(controller: Controller) -> Iterator["Administrator"]:
    with controller.administrator() as administrator:
        yield administrator


@pytest.fixture
def syncing(controller: Controller, db: Database, mongodb_uri: str) -> Syncing:
    """Runs from this test's domain controller into its database."""
    return replace(Syncing.with_settings(controller, db), uri=mongodb_uri)
