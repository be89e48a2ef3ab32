"""A replica set of three real servers on loopback, as in production."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from tests.support.bare_mongod import bare_mongod
from tests.support.processes import free_port
from tests.support.waiting import wait_until


class ReplicaSet:
    """Three members. `uri` contains all of them."""

    def __init__(self, members: dict[int, "subprocess.Popen[bytes]"]) -> None:
        self._members = members
        hosts = [f"127.0.0.1:{port}" for port in members]
        self.uri = f"mongodb://{','.join(hosts)}/?replicaSet=trio"

    def initiate(self) -> None:
        """Form a replica set of the members, and wait for its primary."""
        first = next(iter(self._members))
        members = [{"_id": number, "host": f"127.0.0.1:{port}"} for number, port in enumerate(self._members)]
        # No automatic elections: on a busy machine, a slow primary would be taken for lost.
        config = {"_id": "trio", "members": members, "settings": {"electionTimeoutMillis": 600_000}}
        with _client(first) as client:
            client.admin.command("replSetInitiate", config)
        self._elect()

    def wait_for_primary(self) -> int:
        """Wait until there is a primary, and return its port."""
        with MongoClient[dict[str, Any]](self.uri, serverSelectionTimeoutMS=1_000) as client:

            def is_there() -> bool:
                with suppress(PyMongoError):
                    client.admin.command("ping")
                return client.primary is not None

            wait_until(is_there)
            assert client.primary
            return client.primary[1]

    def kill_primary(self) -> None:
        """Kill the primary, like a power failure, and have another one elected."""
        process = self._members.pop(self.wait_for_primary())
        process.kill()
        process.wait()
        self._elect()

    def _elect(self) -> None:
        """Let the members run for primary in turn until one is elected, which takes a majority that knows of it."""
        wait_until(lambda: any(_elected(port) for port in self._members))
        self.wait_for_primary()


@contextmanager
def replica_set(folder: Path) -> Iterator[ReplicaSet]:
    """A running replica set with its data in this folder."""
    with ExitStack() as stack:
        members = {}
        for _ in range(3):
            port = free_port()
            data = folder / str(port)
            data.mkdir()
            members[port] = _member(port, data)
            stack.callback(members[port].wait)
            stack.callback(members[port].kill)
        trio = ReplicaSet(members)
        for port in members:
            _wait(port)
        trio.initiate()
        yield trio


def _member(port: int, data: Path) -> "subprocess.Popen[bytes]":
    options = ["--replSet", "trio", "--bind_ip", "127.0.0.1", "--port", str(port), "--dbpath", str(data)]
    small = ["--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64", "--nounixsocket", "--logpath", str(data / "log")]
    return bare_mongod(data, *options, *small)


def _elected(port: int) -> bool:
    with _client(port) as client:
        try:
            client.admin.command("replSetStepUp")
        except OperationFailure:
            return False
        return True


def _wait(port: int) -> None:
    with _client(port) as client:
        client.admin.command("ping")  # waits up to 30 seconds for the server


def _client(port: int) -> MongoClient[dict[str, Any]]:
    return MongoClient(f"mongodb://127.0.0.1:{port}/?directConnection=true")
