"""The service stops on a signal, whatever its clients are doing."""

import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support import waiting
from tests.support.service import service
from tests.support.waiting import wait_until

# A client that sends this gets an answer as soon as the service waits for the body.
HEAD = (
    b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n"
)
GIVEN_UP = "timeout graceful shutdown exceeded"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signals", "waits"),
    [([signal.SIGTERM], True), ([signal.SIGINT], True), ([signal.SIGINT, signal.SIGINT], False)],
    ids=["SIGTERM", "SIGINT", "SIGINT twice"],
)
def test_stalled_request(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], signals: list[signal.Signals], waits: bool
) -> None:
    """A stalled request delays the shutdown only for some seconds, or until the second Ctrl+C."""
    with service(tmp_path) as running:
        address = ("127.0.0.1", urlsplit(running.url).port or 0)
        with socket.create_connection(address, waiting.SECONDS) as stalled:
            stalled.sendall(HEAD)
            assert stalled.recv(1_000).startswith(b"HTTP/1.1 100 ")
            stalled.sendall(b"{")
            for number in signals[:-1]:
                os.kill(running.pid, number)
                wait_until(lambda: refuses(address))
            assert running.stop(signals[-1]) == 0
        assert running.mongods() == []
    said = "".join(capfd.readouterr())
    assert (GIVEN_UP in said, "Traceback" in said) == (waits, False)


def refuses(address: tuple[str, int]) -> bool:
    """Whether nothing listens there."""
    with socket.socket() as client:
        return client.connect_ex(address) != 0
