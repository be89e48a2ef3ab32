"""Several workers serve one port on one embedded MongoDB, and end together."""

import os
import select
import signal
import sys
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.support import waiting
from tests.support.processes import children
from tests.support.service import service

PROTOCOL = Subprotocol("graphql-transport-ws")


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_workers(tmp_path: Path) -> None:
    """A write by one worker is visible to all others immediately, and all of them and mongod end with the service."""
    with service(tmp_path, "--workers", "2") as running:
        assert len(_workers(running.pid)) == 2
        assert len(running.mongods()) == 1
        sent = {"displayName": "A", "firstName": "A", "lastName": "B", "emailAddress": "a@b.example"}
        created = httpx.post(f"{running.url}/api/identity/contacts", json=sent, timeout=waiting.SECONDS)
        assert created.status_code == 201
        for _ in range(20):  # each on its own connection, so by either worker
            read = httpx.get(running.url + created.headers["Location"], timeout=waiting.SECONDS)
            assert read.status_code == 200
        workers = _workers(running.pid)
        assert running.stop(signal.SIGTERM) == 0
        assert not running.mongods()
        assert not any(Path(f"/proc/{each}").exists() for each in workers)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_workers_end_with_a_killed_service(tmp_path: Path) -> None:
    """A killed service leaves no worker on its port, so it can be started again; clients are disconnected."""
    with service(tmp_path, "--workers", "2") as running:
        with connect(
            running.url.replace("http", "ws", 1) + "/graphql", subprotocols=[PROTOCOL], open_timeout=waiting.SECONDS
        ) as client:
            client.send('{"type": "connection_init"}')
            assert client.recv(waiting.SECONDS) == '{"type":"connection_ack"}'
            ends = [os.pidfd_open(each) for each in _workers(running.pid)]
            running.kill(running.pid)
            assert all(select.select([end], [], [], waiting.SECONDS)[0] for end in ends), (
                "a worker outlives the service"
            )
            with pytest.raises(ConnectionClosedError) as closed:
                client.recv(waiting.SECONDS)
        assert closed.value.rcvd is None
        for end in ends:
            os.close(end)
        running.start()
        assert running.stop(signal.SIGTERM) == 0


def _workers(pid: int) -> list[int]:
    return [each for each in children(pid) if "spawn_main" in Path(f"/proc/{each}/cmdline").read_text()]
