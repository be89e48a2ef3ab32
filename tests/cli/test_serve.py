"""The address that the service listens on is checked before anything is started."""

import socket
import ssl
import sys
from pathlib import Path

import httpx
import pytest

from cli.commands import main
from tests.support.certificates import self_signed
from tests.support.graphql_transport_ws import connect
from tests.support.service import service


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


SIGN_IN = {
    "CONTACTS_AUTH": "oidc",
    "CONTACTS_OIDC_ISSUER": "https://id.contoso.example",
    "CONTACTS_OIDC_AUDIENCE": "api://contacts",
}


def test_tokens_require_tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Even with a sign-in, the service refuses to receive tokens from other machines unencrypted."""
    for name, value in SIGN_IN.items():
        monkeypatch.setenv(name, value)
    message = refusal(monkeypatch, tmp_path / "data", "--host", "0.0.0.0")
    assert "tokens must not be sent unencrypted" in message
    assert "CONTACTS_TLS_CERTIFICATE_FILE" in message
    assert "CONTACTS_TRUSTED_PROXIES" in message


@pytest.mark.parametrize("content", [b"", b"no certificate", None])
def test_certificate_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    """A missing, empty or wrong certificate is reported before MongoDB starts."""
    file = tmp_path / "tls.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("CONTACTS_TLS_CERTIFICATE_FILE", str(file))
    monkeypatch.setenv("CONTACTS_TLS_KEY_FILE", str(file))
    message = refusal(monkeypatch, tmp_path / "data")
    assert f"CONTACTS_TLS_CERTIFICATE_FILE ({file})" in message
    assert "must be PEM files" in message


@pytest.mark.slow
def test_own_certificate(tmp_path: Path) -> None:
    """With a certificate the service speaks HTTPS only, and the audit log has its start and its settings."""
    certificate = tmp_path / "tls.pem"
    certificate.write_bytes(self_signed())
    files = {"tls_certificate_file": str(certificate), "tls_key_file": str(certificate)}
    with service(tmp_path / "data", certificate=certificate, **files) as running:
        trusting = ssl.create_default_context(cafile=certificate)
        answer = httpx.get(f"{running.url}/api/identity/audit", verify=trusting)
        (entry,) = answer.json()["entries"]
        assert (entry["action"], entry["channel"]) == ("START_SERVICE", "CLI")
        assert entry["details"]["CONTACTS_TLS_KEY_FILE"] == str(certificate)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{running.url.replace('https', 'http')}/healthz")


@pytest.mark.slow
async def test_messages_of_strangers(tmp_path: Path) -> None:
    """A message over a WebSocket takes no more memory than a body may, even before its client has signed in."""
    with service(tmp_path / "data", max_body_bytes="2048") as running:
        async with connect(running.url) as client:
            await client.websocket.send(iter(["{" * 1_000, "{" * 1_000, "{" * 1_000]))
            code, reason = await client.closed()
    assert code == 1009
    assert "exceeds limit of 2048 bytes" in reason


@pytest.mark.slow
def test_demo_allows_development_servers(tmp_path: Path) -> None:
    """With --demo, pages of development servers on this machine may call, as the settings say without."""
    with service(tmp_path / "demo", "--demo") as running:
        answer = httpx.get(f"{running.url}/graphql?query={{__typename}}", headers={"Origin": "http://localhost:5173"})
    assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"
    with service(tmp_path / "strict", "--demo", allow_loopback_origins="false") as running:
        answer = httpx.get(f"{running.url}/graphql?query={{__typename}}", headers={"Origin": "http://localhost:5173"})
    assert "access-control-allow-origin" not in answer.headers
