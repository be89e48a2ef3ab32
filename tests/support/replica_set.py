"""A replica set of three real servers, as an operator runs it, on loopback."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.support import waiting
from tests.support.bare_mongod import bare_mongod
from tests.support.processes import free_port
from tests.support.waiting import wait_until


class ReplicaSet:
    """Three members; `uri` names them all."""

    def __init__(self, members: dict[int, "subprocess.Popen[bytes]"]) -> None:
        self._members = members
        hosts = [f"127.0.0.1:{port}" for port in members]
        self.uri = f"mongodb://{','.join(hosts)}/?replicaSet=trio"

    def initiate(self) -> None:
        """Make them one replica set, and wait for its primary."""
        first = next(iter(self._members))
        members = [{"_id": number, "host": f"127.0.0.1:{port}"} for number, port in enumerate(self._members)]
        # Elections are quicker than by default, so that the test is, and yet no busy primary is taken for a dead one.
        config = {"_id": "trio", "members": members, "settings": {"electionTimeoutMillis": 5_000}}
        with MongoClient[dict[str, Any]](f"mongodb://127.0.0.1:{first}/?directConnection=true") as client:
            client.admin.command("replSetInitiate", config)
        self.wait_for_primary()

    def wait_for_primary(self) -> int:
        """The port of the primary, when there is one."""
        with MongoClient[dict[str, Any]](self.uri, serverSelectionTimeoutMS=1_000) as client:

            def is_there() -> bool:
                with suppress(PyMongoError):
                    client.admin.command("ping")
                return client.primary is not None

            wait_until(is_there)
            assert client.primary
            return client.primary[1]

    def kill_primary(self) -> None:
        """End the primary at once, as a power cut does."""
        process = self._members[self.wait_for_primary()]
        process.kill()
        process.wait()


@contextmanager
def replica_set(folder: Path) -> Iterator[ReplicaSet]:
    """A replica set with its data in this folder."""
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


def _wait(port: int) -> None:
    uri, patience = f"mongodb://127.0.0.1:{port}/?directConnection=true", round(waiting.SECONDS * 1_000)
    with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=patience) as client:
        client.admin.command("ping")  # waits for the server
