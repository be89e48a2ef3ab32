"""The service on a replica set of three: the API's own tests pass, and a lost primary loses no acknowledged write."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolvers import contacts, statistics
from resolvers.caller import Caller, Role
from storage import migrations
from storage.changes import Author
from storage.documents import new_id
from storage.driver import DriverName, Unavailable, connect
from tests.support import waiting
from tests.support.replica_set import ReplicaSet, replica_set

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent
API = ["tests/schema/test_contacts.py", "tests/schema/test_groups.py", "tests/resolvers/test_lists.py"]


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    """A running replica set."""
    with replica_set(tmp_path_factory.mktemp("trio")) as running:
        yield running


def test_api(trio: ReplicaSet) -> None:
    """Tests for the embedded server also pass on three servers."""
    environment = {**os.environ, "CONTACTS_TEST_MONGODB_URI": trio.uri}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *API]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-3_000:]


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.usefixtures("abandoned_sockets")
@pytest.mark.parametrize("driver", ["pymongo", "motor"])
async def test_lost_primary(tmp_path: Path, driver: DriverName) -> None:
    """Contacts acknowledged before, while and after the primary dies are all there, and counted."""
    with replica_set(tmp_path) as trio:
        db = connect(trio.uri, f"test-{new_id()}", driver)
        await migrations.prepare(db)
        caller = Caller(db, Author("tester", "graphql"), Role.ADMIN)
        acknowledged: list[str] = []
        writing = asyncio.create_task(_write(caller, acknowledged))
        await _until(acknowledged, 20)
        await asyncio.to_thread(trio.kill_primary)
        await _until(acknowledged, 60)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        found = await contacts.get_contacts(caller, acknowledged)
        assert set(found) == set(acknowledged)
        total = (await statistics.contact_stats(caller))["total"]
        assert total == await db.contacts.count_documents({}) >= len(acknowledged)
        await db.close()


async def _write(caller: Caller, acknowledged: list[str]) -> None:
    """Create contacts until canceled, and record each that is acknowledged."""
    while True:
        name = new_id()
        fields = {"displayName": name, "firstName": "A", "lastName": "B", "emailAddress": f"{name}@b.example"}
        try:
            acknowledged.append((await contacts.create_contact(caller, fields))["_id"])
        except Unavailable:
            await asyncio.sleep(0.1)


async def _until(acknowledged: list[str], count: int) -> None:
    await waiting.reached(lambda: len(acknowledged) >= count)
