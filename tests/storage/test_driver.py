"""The connection to MongoDB: which servers and URIs are accepted, with both clients."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.documents import new_id
from storage.driver import DriverName, UnsuitableServer, connect, opened
from tests.support.bare_mongod import bare_mongod
from tests.support.processes import free_port


@pytest.fixture
def standalone_server(tmp_path: Path) -> Iterator[str]:
    """The URI of a MongoDB server that is not a member of a replica set."""
    port = free_port()
    with bare_mongod(tmp_path, "--dbpath", str(tmp_path), "--port", str(port), "--bind_ip", "127.0.0.1") as process:
        yield f"mongodb://127.0.0.1:{port}"
        process.terminate()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.usefixtures("abandoned_sockets")
@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_server_without_transactions_is_refused(standalone_server: str, driver: DriverName) -> None:
    """A standalone server cannot run transactions: the message says what to do."""
    with pytest.raises(UnsuitableServer, match=r"--replSet"):
        async with opened(standalone_server, f"test-{new_id()}", driver):
            pass


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.usefixtures("abandoned_sockets")
@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_server_that_does_not_answer_is_refused(driver: DriverName) -> None:
    """If no server answers, the message names the server, the reason and the setting to check, and nothing else."""
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(UnsuitableServer) as refused:
        async with opened(f"mongodb://{address}", f"test-{new_id()}", driver):
            pass
    assert re.fullmatch(
        rf"MongoDB does not answer: {address}: \[Errno \d+\] Connect(ion refused| call failed \('127.0.0.1', \d+\))\. "
        r"Check that the server is running and that CONTACTS_MONGODB_URI is correct\.",
        str(refused.value),
    )


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("db.example:27017", "must start with mongodb://"),
        ("http://db.example", "must start with mongodb://"),
        ("mongodb://db.example:99999", "Port must be"),
        ("mongodb://user:secret@db.example:port", "Port contains"),
        ("mongodb://", "at least one host"),
        ("mongodb://user:secret@word@db.example", "must be escaped"),
    ],
)
def test_invalid_uri(driver: DriverName, uri: str, why: str) -> None:
    """The message for an invalid URI says what is wrong with it, without the password."""
    with pytest.raises(UnsuitableServer, match=f"CONTACTS_MONGODB_URI is not a valid MongoDB URI: .*{why}") as refused:
        connect(uri, f"test-{new_id()}", driver)
    assert "secret" not in str(refused.value)
