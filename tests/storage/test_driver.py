"""The connection to MongoDB: which servers are taken, on both clients."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.documents import new_id
from storage.driver import DriverName, UnsuitableServer, connect, opened
from tests.support.bare_mongod import bare_mongod
from tests.support.processes import free_port


@pytest.fixture
def lonely_server(tmp_path: Path) -> Iterator[str]:
    """The URI of a MongoDB server that is no member of a replica set."""
    port = free_port()
    with bare_mongod(tmp_path, "--dbpath", str(tmp_path), "--port", str(port), "--bind_ip", "127.0.0.1") as process:
        yield f"mongodb://127.0.0.1:{port}"
        process.terminate()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.usefixtures("abandoned_sockets")
@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_server_without_transactions_is_refused(lonely_server: str, driver: DriverName) -> None:
    """A server that stands alone cannot run transactions: the refusal says what to do."""
    with pytest.raises(UnsuitableServer, match=r"--replSet"):
        async with opened(lonely_server, f"test-{new_id()}", driver):
            pass


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.usefixtures("abandoned_sockets")
@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_server_that_does_not_answer_is_refused(driver: DriverName) -> None:
    """Where no server answers, the refusal names the server, the reason and the setting to look at, and no more."""
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(UnsuitableServer) as refused:
        async with opened(f"mongodb://{address}", f"test-{new_id()}", driver):
            pass
    assert re.fullmatch(
        rf"MongoDB does not answer: {address}: \[Errno \d+\] Connect(ion refused| call failed \('127.0.0.1', \d+\))\. "
        r"Check CONTACTS_MONGODB_URI and that the server runs\.",
        str(refused.value),
    )


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("db.example:27017", "begins with mongodb://"),
        ("http://db.example", "begins with mongodb://"),
        ("mongodb://db.example:99999", "Port must be"),
        ("mongodb://user:secret@db.example:port", "Port contains"),
        ("mongodb://", "at least one host"),
        ("mongodb://user:secret@word@db.example", "must be escaped"),
    ],
)
def test_uri_that_is_none(driver: DriverName, uri: str, why: str) -> None:
    """What is no URI of a MongoDB is refused with what is wrong about it, and without the password in it."""
    with pytest.raises(UnsuitableServer, match=f"CONTACTS_MONGODB_URI is no URI of a MongoDB: .*{why}") as refused:
        connect(uri, f"test-{new_id()}", driver)
    assert "secret" not in str(refused.value)
