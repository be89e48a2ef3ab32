import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.node import FOLDER, Node, installed


@pytest.fixture(scope="session")
def node() -> Node:
    """Node.js with its packages."""
    return installed()


@pytest.fixture
def generated() -> Iterator[Path]:
    """A folder for generated files in which they find the packages that they import. One test at a time has it."""
    folder = FOLDER / "generated"
    with (FOLDER / "relay.config.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "relay").mkdir(parents=True)
        (folder / "persisted_queries.json").write_text("{}")  # Relay's compiler adds to it
        yield folder
        shutil.rmtree(folder)
