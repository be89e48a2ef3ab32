"""The service ends when it is told to, whatever its clients are doing."""

import os
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.service import service

HALF_A_REQUEST = b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signals", "seconds"),
    [([signal.SIGTERM], 20), ([signal.SIGINT], 20), ([signal.SIGINT, signal.SIGINT], 10)],
    ids=["SIGTERM", "SIGINT", "SIGINT twice"],
)
def test_stalled_request(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], signals: list[signal.Signals], seconds: float
) -> None:
    """A request that stands still holds the service up for some seconds only, or until the second Ctrl-C."""
    with service(tmp_path) as running:
        with socket.create_connection(("127.0.0.1", urlsplit(running.url).port or 0)) as stalled:
            stalled.sendall(HALF_A_REQUEST)
            time.sleep(0.5)
            began = time.monotonic()
            for number in signals[:-1]:
                os.kill(running.pid, number)
                time.sleep(1)
            assert running.stop(signals[-1]) == 0
        assert time.monotonic() - began < seconds
        assert running.mongods() == []
    assert "Traceback" not in capfd.readouterr().err
