"""Where the service may listen, which is found out before anything is started."""

import socket
import sys
from pathlib import Path

import pytest

from cli.commands import main


def refusal(monkeypatch: pytest.MonkeyPatch, data_dir: Path, *options: str) -> str:
    """The line with which `contacts serve` ends."""
    monkeypatch.setattr(sys, "argv", ["contacts", "serve", "--data-dir", str(data_dir), *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not data_dir.exists()
    return str(ended.value.code)


def test_port_in_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A port that another program has is told by its number and with what to do, before MongoDB starts."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = refusal(monkeypatch, tmp_path / "data", "--port", str(port))
    assert told == f"contacts: Port {port} is taken: another program listens on it. Use --port to choose another."


def test_address_of_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An address that other machines reach is refused while nobody has to sign in."""
    told = refusal(monkeypatch, tmp_path / "data", "--host", "0.0.0.0")
    assert "lets everyone in" in told
    assert "Leave --host out" in told
