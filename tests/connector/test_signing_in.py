"""Sessions with a real domain controller: certificates, accounts, failover, and servers that crash."""

import asyncio
from threading import Event
from typing import TYPE_CHECKING

import pytest

from connector.connection import LdapConnection, Search
from connector.entry import Attributes
from connector.errors import CertificateRejected, CredentialsRejected, DirectoryError, NotSynchronized, Unreachable
from connector.session import open_session
from settings import Settings
from tests.support import servers, waiting
from tests.support.ad.certificates import make_authority, make_server_certificate
from tests.support.ad.controller import fresh_controller
from tests.support.ad.provision import CONTACTS_DN, READER_DN
from tests.support.syncing import reading, settings_for

if TYPE_CHECKING:
    from tests.support.ad.administrator import Administrator
    from tests.support.ad.controller import Controller

pytestmark = pytest.mark.ad


async def failure_of(settings: Settings) -> DirectoryError:
    with pytest.raises(DirectoryError) as caught:
        async with open_session(settings):
            pytest.fail("a session was opened")
    return caught.value


async def test_ldaps_and_starttls(controller: "Controller") -> None:
    """LDAPS and StartTLS reach the same directory."""
    for url in (controller.url, controller.starttls_url):
        async with reading(controller, ad_urls=(url,)) as reader:
            assert (await reader.mark()).server == "dc1.corp.example.test"


async def test_server_that_lags_behind(controller: "Controller", monkeypatch: pytest.MonkeyPatch) -> None:
    """If a server has not replicated yet, the next one is used; if there is none, that is the error."""
    root = LdapConnection.root
    lagging = controller.url

    def answered(connection: LdapConnection, *attributes: str) -> Attributes:  # Samba always answers TRUE
        found = root(connection, *attributes)
        return {**found, "isSynchronized": [b"FALSE"]} if connection.url == lagging else found

    monkeypatch.setattr(LdapConnection, "root", answered)
    both = settings_for(controller, ad_urls=(controller.url, controller.starttls_url))
    async with open_session(both) as session:
        assert session.url == controller.starttls_url
    assert isinstance(await failure_of(settings_for(controller)), NotSynchronized)


async def test_sign_in_by_user_name(controller: "Controller") -> None:
    """The account can be given as user@domain."""
    async with reading(controller, ad_bind_dn="svc-sync@corp.example.test") as reader:
        assert reader.bases


@pytest.mark.parametrize("changes", [{"ad_password": "wrong"}, {"ad_bind_dn": f"CN=nobody,{CONTACTS_DN}"}])
async def test_wrong_account(controller: "Controller", changes: dict[str, str]) -> None:
    """The error names the rejected account but not its password, and no other server is tried: it might get locked."""
    met = Event()
    with servers.listening(servers.silent_until(met, met)) as port:
        urls = (controller.url, f"ldaps://127.0.0.1:{port}")
        error = await failure_of(settings_for(controller, ad_urls=urls, **changes))
    assert isinstance(error, CredentialsRejected)
    assert not met.is_set()
    assert changes.get("ad_bind_dn", READER_DN) in str(error)
    assert "wrong" not in str(error).replace("password is wrong", "")


async def test_disabled_account(controller: "Controller", admin: "Administrator") -> None:
    """If Active Directory says why it rejects an account, so does the error."""
    admin.set(READER_DN, userAccountControl="514")
    assert "disabled" in str(await failure_of(settings_for(controller)))


@pytest.mark.parametrize("way", ["url", "starttls_url"])
@pytest.mark.parametrize(
    ("fault", "reason"), [("expired", "expired"), ("foreign", "issuer"), ("other name", "mismatch")]
)
async def test_bad_certificate(controller: "Controller", fault: str, reason: str, way: str) -> None:
    """An expired certificate, one of an unknown authority and one of another host are rejected with the reason."""
    controller.stop()
    tls, names, days = controller.folder / "tls", f"IP:{controller.address}", 30
    settings = settings_for(controller, ad_urls=(getattr(controller, way),))
    if fault == "foreign":
        make_authority(controller.folder / "trusted")
        settings = settings.model_copy(update={"ad_ca_file": controller.folder / "trusted" / "ca.pem"})
    elif fault == "expired":
        days = -1
    else:
        names = "DNS:dc1.corp.example.test"
    make_server_certificate(tls, names=names, days=days)
    controller.start()
    error = await failure_of(settings)
    assert isinstance(error, CertificateRejected)
    assert reason in str(error)
    assert "CONTACTS_AD_CA_FILE" in str(error)


async def test_unknown_authority_without_a_ca_file(controller: "Controller") -> None:
    """Without a CA file, only the system's authorities are trusted, not ours."""
    assert isinstance(await failure_of(settings_for(controller, ad_ca_file=None)), CertificateRejected)


async def test_failover(controller: "Controller") -> None:
    """After a closed port, a silent server or a bad certificate, the next URL is tried."""
    with servers.listening(servers.silent) as port, fresh_controller() as stranger:
        make_authority(stranger.folder / "tls")
        stranger.start()
        bad = ("ldaps://127.0.0.1:1", f"ldaps://127.0.0.1:{port}", stranger.url)
        settings = settings_for(controller, ad_urls=(*bad, controller.url), ad_timeout_seconds=5)
        async with open_session(settings) as session:
            assert session.url == controller.url


async def test_killed_between_pages(controller: "Controller", admin: "Administrator") -> None:
    """If a server crashes in the middle of a search, that is an error immediately, never a partial answer."""
    for number in range(12):
        admin.add_contact(f"C {number}")
    async with reading(controller, ad_page_size=2) as reader:
        pages = reader.contacts()
        assert len(await anext(pages)) == 2
        controller.kill()
        with pytest.raises(Unreachable):
            [page async for page in pages]


async def test_frozen_between_pages(controller: "Controller", admin: "Administrator") -> None:
    """The same applies to a server that stops answering."""
    for number in range(12):
        admin.add_contact(f"C {number}")
    async with reading(controller, ad_page_size=2, ad_timeout_seconds=5) as reader:
        with controller.frozen(), pytest.raises(Unreachable):
            async for _ in reader.contacts():
                pass


async def test_comes_back(controller: "Controller") -> None:
    """When the server is back, a new session works."""
    controller.kill()
    assert isinstance(await failure_of(settings_for(controller)), Unreachable)
    controller.start()
    async with reading(controller) as reader:
        assert (await reader.mark()).usn > 0


async def test_slow_reader_holds_one_page_ahead(controller: "Controller", admin: "Administrator") -> None:
    """While a page is processed, exactly one more is prefetched."""
    for number in range(12):
        admin.add_contact(f"C {number}")
    seen: list[str] = []
    settings = settings_for(controller, ad_page_size=2)
    async with open_session(settings) as session:
        search = Search(CONTACTS_DN, "(objectClass=contact)", ("cn",))
        pages = session.pages(search, lambda entry: seen.append(entry.dn))
        await anext(pages)
        await waiting.reached(lambda: len(seen) >= 4)
        await asyncio.sleep(0.3)
        assert len(seen) == 4
        await pages.aclose()
