"""Sessions with servers that misbehave. They need python-ldap, but no domain controller."""

import asyncio
import importlib.util
import shutil
import sys
from pathlib import Path
from threading import Event

import pytest

from connector.access import Access
from connector.diagnosis import STARTTLS_REQUEST
from connector.errors import (
    CertificateRejected,
    DirectoryError,
    ExtraMissing,
    FileUnreadable,
    SearchRefused,
    TimedOut,
    Unreachable,
)
from connector.session import open_session
from settings import Settings
from tests.support import servers, waiting
from tests.support.ad.certificates import make_authority, make_server_certificate

SECRET = "never-to-be-heard"
needs_library = pytest.mark.skipif(
    importlib.util.find_spec("ldap") is None, reason="needs python-ldap, the extra named ad"
)
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the program openssl")


def settings_for(*urls: str, **changes: object) -> Settings:
    values: dict[str, object] = {
        "ad_urls": urls,
        "ad_bind_dn": "CN=reader",
        "ad_password": SECRET,
        "ad_timeout_seconds": 0.5,
    }
    return Settings.model_validate(values | changes)


async def failure_of(settings: Settings) -> DirectoryError:
    with pytest.raises(DirectoryError) as caught:
        async with open_session(settings):
            pytest.fail("a session was opened")
    return caught.value


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for 127.0.0.1 and its certificate authority."""
    folder = tmp_path_factory.mktemp("tls")
    make_authority(folder)
    make_server_certificate(folder, names="IP:127.0.0.1")
    return folder


@needs_library
@pytest.mark.parametrize(
    ("scheme", "behavior"),
    [
        ("ldaps", servers.silent),
        ("ldap", servers.silent),
        ("ldap", servers.silent_after_starttls),
        ("ldaps", servers.dripping),  # for half an hour
    ],
)
async def test_server_that_does_not_answer(scheme: str, behavior: servers.Behavior) -> None:
    """A server that is silent, or only sends a byte now and then, raises TimedOut."""
    with servers.listening(behavior) as port:
        async with asyncio.timeout(waiting.SECONDS):
            error = await failure_of(settings_for(f"{scheme}://127.0.0.1:{port}"))
    assert isinstance(error, TimedOut)
    assert "CONTACTS_AD_TIMEOUT_SECONDS" in str(error)


@needs_library
@needs_openssl
async def test_server_silent_after_tls(trusted: Path) -> None:
    """The same applies to a server that completes the TLS handshake but never answers the sign-in."""
    with servers.listening(servers.silent_after_tls(trusted)) as port:
        settings = settings_for(f"ldaps://127.0.0.1:{port}", ad_ca_file=trusted / "ca.pem")
        async with asyncio.timeout(waiting.SECONDS):
            assert isinstance(await failure_of(settings), TimedOut)


@needs_library
async def test_event_loop_stays_free() -> None:
    """While a server does not answer, the service keeps running."""
    met, leaving = Event(), Event()
    with servers.listening(servers.silent_until(leaving, met)) as port:
        opening = asyncio.create_task(failure_of(settings_for(f"ldaps://127.0.0.1:{port}", ad_timeout_seconds=60)))
        await waiting.reached(met.is_set)
        leaving.set()  # if the service blocked, the server would be silent until the timeout
        assert isinstance(await opening, Unreachable)


@needs_library
async def test_canceling_does_not_wait() -> None:
    """A canceled session ends immediately, whatever its server does."""
    met, leaving = Event(), Event()
    with servers.listening(servers.silent_until(leaving, met)) as port:
        opening = asyncio.create_task(failure_of(settings_for(f"ldaps://127.0.0.1:{port}", ad_timeout_seconds=3_600)))
        await waiting.reached(met.is_set)
        opening.cancel()
        await asyncio.wait([opening], timeout=waiting.SECONDS)
        assert opening.cancelled()


@needs_library
async def test_never_in_clear_text() -> None:
    """If StartTLS is refused, nothing else is sent: no name and no password."""
    heard: list[bytes] = []
    with servers.listening(servers.refusing_starttls(heard)) as port:
        error = await failure_of(settings_for(f"ldap://127.0.0.1:{port}"))
    assert isinstance(error, Unreachable | SearchRefused)
    assert heard[0][2:] == STARTTLS_REQUEST[2:]
    assert SECRET.encode() not in b"".join(heard)
    assert b"CN=reader" not in b"".join(heard)


@needs_library
@pytest.mark.parametrize(
    ("url", "reason"), [("ldaps://127.0.0.1:1", "Connection refused"), ("ldaps://no.such.host.invalid", "not known")]
)
async def test_unreachable(url: str, reason: str) -> None:
    """The error distinguishes between a closed port and an unknown name."""
    error = await failure_of(settings_for(url))
    assert isinstance(error, Unreachable)
    assert reason in str(error)


@needs_library
@needs_openssl
async def test_all_servers_fail(trusted: Path) -> None:
    """With several servers, the message lists the errors of all; the kind is theirs if they agree."""
    with servers.listening(servers.silent_after_tls(trusted)) as port:
        urls = ["ldaps://127.0.0.1:1", f"ldaps://127.0.0.1:{port}"]
        error = await failure_of(settings_for(*urls))
        assert type(error) is Unreachable
        assert all(url in str(error) for url in urls)
        agreed = await failure_of(settings_for(urls[1], urls[1]))
        assert type(agreed) is CertificateRejected


async def test_no_server() -> None:
    """Without a server, the error names the setting."""
    assert "CONTACTS_AD_URLS" in str(await failure_of(Settings()))


async def test_extra_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without python-ldap, the message says how to install it and what is needed to build it."""
    monkeypatch.setitem(sys.modules, "ldap", None)
    error = await failure_of(settings_for("ldaps://127.0.0.1:1"))
    assert isinstance(error, ExtraMissing)
    assert "python3 dev.py install ad" in str(error)
    assert "libldap2-dev libsasl2-dev" in str(error)


def test_password_file(tmp_path: Path) -> None:
    """A password file may end with a line break, which isn't part of the password; it is read again each time."""
    path = tmp_path / "password"
    settings = settings_for("ldaps://dc1", ad_password=None, ad_password_file=path)
    for written, meant in ((" secret \n", " secret "), ("pass\r\n", "pass"), ("two\n\n", "two\n")):
        path.write_bytes(written.encode())
        access = Access.from_settings(settings)
        assert access.password == meant
        assert meant not in repr(access)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
async def test_password_file_unreadable(tmp_path: Path, content: bytes | None) -> None:
    """The error names a missing, empty or binary password file: an empty password would sign in anonymously."""
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    error = await failure_of(settings_for("ldaps://dc1", ad_password=None, ad_password_file=path))
    assert isinstance(error, FileUnreadable)
    assert str(path) in str(error)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
async def test_ca_file_unreadable(tmp_path: Path, content: bytes | None) -> None:
    """The error names a CA file that is missing or contains no certificate."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    error = await failure_of(settings_for("ldaps://dc1", ad_ca_file=path))
    assert isinstance(error, FileUnreadable)
    assert str(path) in str(error)
