"""The address that the service listens on is checked before anything is started."""

import socket
import sys
from pathlib import Path

import pytest

from cli.commands import main


def refusal(monkeypatch: pytest.MonkeyPatch, data_dir: Path, *options: str) -> str:
    """The line `contacts serve` exits with."""
    monkeypatch.setattr(sys, "argv", ["contacts", "serve", "--data-dir", str(data_dir), *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not data_dir.exists()
    return str(ended.value.code)


def test_port_in_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """If another program uses the port, the message says so and what to do, before MongoDB starts."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        message = refusal(monkeypatch, tmp_path / "data", "--port", str(port))
    assert message == f"contacts: Port {port} is in use. Choose another with --port."


def test_address_of_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a sign-in, the service refuses to listen on an address that other machines can reach."""
    message = refusal(monkeypatch, tmp_path / "data", "--host", "0.0.0.0")
    assert "0.0.0.0 is not a loopback address" in message
    assert "Omit --host" in message
