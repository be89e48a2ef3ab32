"""Interrupted runs: nothing is lost or duplicated, whichever process dies, and whenever."""

import asyncio
import itertools
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from connector.scheduler import perform, scheduled, sync_once
from resolvers.caller import Caller
from resolvers.sync import contacts, control, progress
from resolvers.sync.outcome import BatchOutcome
from settings import Settings
from storage.driver import Database, Session
from storage.sync import schedule
from tests.support import servers, waiting
from tests.support.ad.certificates import make_authority, make_server_certificate
from tests.support.ad.provision import CONTACTS_DN
from tests.support.consistency import check
from tests.support.syncing import Syncing, counts

if TYPE_CHECKING:
    from tests.support.ad.administrator import Administrator
    from tests.support.ad.controller import Controller

pytestmark = pytest.mark.ad

T = TypeVar("T")
NUMBER = 12


class Killed(BaseException):
    """Simulates the end of the process: nothing catches it."""


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch, syncing: Syncing) -> Syncing:
    """Runs in batches of three, read in pages of three."""
    monkeypatch.setattr("resolvers.sync.contact_writer.BATCH", 3)
    monkeypatch.setattr("resolvers.sync.run.BATCH", 3)
    syncing.settings = syncing.settings.model_copy(update={"ad_page_size": 3})
    return syncing


def people(admin: "Administrator") -> None:
    """Twelve contacts, each managed by the next one, all in one group."""
    dns = [f"CN=C {number},{CONTACTS_DN}" for number in range(NUMBER)]
    for number in range(NUMBER):
        admin.add_contact(f"C {number}")
    for dn, manager in itertools.pairwise(dns):
        admin.set(dn, manager=manager)
    admin.add_group("Team", dns)


async def assert_complete(syncing: Syncing) -> None:
    """Every contact exists once and was created once, with its manager and membership."""
    await check(syncing.db)
    found = [each async for each in syncing.db.contacts.find()]
    assert len(found) == NUMBER
    assert sum("managerId" in each for each in found) == NUMBER - 1
    assert sum("groupIds" in each for each in found) == NUMBER
    assert await syncing.db.history.count_documents({"action": "CREATED"}) == NUMBER
    assert await syncing.db.groups.count_documents({}) == 1


@pytest.mark.parametrize("committed", [False, True])
async def test_killed_at_every_transaction(
    small_batches: Syncing, admin: "Administrator", monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """Runs that are killed one transaction later each time, before or after its commit, add up to a complete one."""
    people(admin)
    transaction, left = Database.transaction, 0

    async def mortal(db: Database, work: Callable[[Session], Awaitable[T]]) -> T:
        nonlocal left
        left -= 1
        if left == 0 and not committed:
            raise Killed
        result = await transaction(db, work)
        if left == 0:
            raise Killed
        return result

    monkeypatch.setattr(Database, "transaction", mortal)
    ended, killed = False, 0
    while not ended:
        run = await small_batches.take(seconds=0.01)
        killed += 1
        left = killed
        try:
            await sync_once(run, small_batches.settings)
            ended = True
        except Killed:
            await check(small_batches.db)
            await asyncio.sleep(0.05)
    assert killed > 3
    monkeypatch.undo()
    await assert_complete(small_batches)
    assert counts(await small_batches.succeed()) == {"unchanged": NUMBER}


async def test_controller_killed_in_the_middle(
    small_batches: Syncing, controller: "Controller", monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the domain controller dies between two pages, the run fails and the next one completes the work."""
    with controller.administrator() as admin:
        people(admin)
    apply = contacts.apply

    async def last(*given: object) -> BatchOutcome:
        controller.kill()
        return await apply(*given)  # type: ignore[arg-type] # passed through

    monkeypatch.setattr(contacts, "apply", last)
    record = await small_batches.cycle()
    assert record["status"] == "FAILED"
    assert record["problem"]["code"] in {"UNREACHABLE", "TIMED_OUT"}
    assert 0 < record["created"] < NUMBER
    monkeypatch.setattr(contacts, "apply", apply)
    controller.start()
    await small_batches.succeed()
    await assert_complete(small_batches)


@pytest.mark.parametrize("page_size", [3, NUMBER])
async def test_controller_killed_within_a_page(
    small_batches: Syncing, controller: "Controller", page_size: int
) -> None:
    """A page that a dying domain controller sent in part is not written; the next run reads it again."""
    with controller.administrator() as admin:
        people(admin)
        for number in range(NUMBER):
            admin.set(f"CN=C {number},{CONTACTS_DN}", info="x" * 1_000)
    controller.stop()
    make_server_certificate(controller.ca_file.parent, names=f"IP:{controller.address},IP:127.0.0.1")
    controller.start()
    direct = small_batches.settings.model_copy(update={"ad_page_size": page_size})
    with servers.listening(servers.cutting(controller.address, 12_000, controller.kill)) as port:
        small_batches.settings = direct.model_copy(update={"ad_urls": (f"ldaps://127.0.0.1:{port}",)})
        record = await small_batches.cycle()
    assert record["status"] == "FAILED"
    assert record["problem"]["code"] in {"UNREACHABLE", "TIMED_OUT"}
    assert record["created"] in range(0, NUMBER, page_size)
    assert controller.process is None
    small_batches.settings = direct
    controller.start()
    await small_batches.succeed()
    await assert_complete(small_batches)


async def test_controller_freezes_in_the_middle(
    small_batches: Syncing, controller: "Controller", monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the domain controller stops responding between two pages, the run fails after the timeout."""
    with controller.administrator() as admin:
        people(admin)
    small_batches.settings = small_batches.settings.model_copy(update={"ad_timeout_seconds": 5})
    apply = contacts.apply
    process = controller.process
    assert process is not None

    async def last(*given: object) -> BatchOutcome:
        process.send_signal(signal.SIGSTOP)
        return await apply(*given)  # type: ignore[arg-type] # passed through

    monkeypatch.setattr(contacts, "apply", last)
    try:
        async with asyncio.timeout(waiting.SECONDS):
            record = await small_batches.cycle()
    finally:
        process.send_signal(signal.SIGCONT)
    assert (record["status"], record["problem"]["code"]) == ("FAILED", "TIMED_OUT")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ad_password": "wrong"}, "CREDENTIALS_REJECTED"),
        ({"ad_urls": ("ldaps://127.0.0.1:1",)}, "UNREACHABLE"),
        ({"ad_base_dns": ("OU=Nowhere,DC=corp,DC=example,DC=test",)}, "SEARCH_REFUSED"),
    ],
)
async def test_reasons_are_recorded(syncing: Syncing, changes: dict[str, object], code: str) -> None:
    """A run that cannot start records why, and leaves the contacts unchanged."""
    settings = Syncing.with_settings(syncing.controller, syncing.db, **changes).settings
    syncing.settings = settings
    record = await syncing.cycle()
    assert (record["status"], record["problem"]["code"]) == ("FAILED", code)
    assert len(record["problem"]["message"]) > 40


async def test_foreign_certificate(syncing: Syncing, tmp_path: Path) -> None:
    """A server with a certificate from an unknown authority is not read."""
    make_authority(tmp_path)
    syncing.settings = syncing.settings.model_copy(update={"ad_ca_file": tmp_path / "ca.pem"})
    assert (await syncing.cycle())["problem"]["code"] == "CERTIFICATE_REJECTED"


async def test_silent_server(syncing: Syncing) -> None:
    """If a server accepts connections but never answers, the run fails after the timeout and the next can start."""
    reader = syncing.settings
    with servers.listening(servers.silent) as port:
        syncing.settings = reader.model_copy(
            update={"ad_urls": (f"ldaps://127.0.0.1:{port}",), "ad_timeout_seconds": 0.5}
        )
        assert (await syncing.cycle())["problem"]["code"] == "TIMED_OUT"
    syncing.settings = reader
    await syncing.succeed()


async def test_two_services(
    small_batches: Syncing, admin: "Administrator", caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two services that sync the same directory take turns: only one run is active at a time."""
    people(admin)
    monkeypatch.setattr("connector.scheduler.POLL_SECONDS", 0.01)
    runs, going = [], 0

    async def alone(run: progress.SyncRun, settings: Settings) -> None:
        nonlocal going
        going += 1
        runs.append((run.id, going))
        await sync_once(run, settings)
        going -= 1

    monkeypatch.setattr("connector.scheduler.sync_once", alone)
    own = small_batches.caller
    async with scheduled(own, small_batches.settings), scheduled(own, small_batches.settings):
        await idle(caller)
        for _ in range(5):
            await control.start(caller)
            await idle(caller)
    assert [number for _, number in runs] == [1] * 6
    assert len({identifier for identifier, _ in runs}) == 6
    await assert_complete(small_batches)


async def idle(caller: Caller) -> None:
    """Wait until a run has ended and no other is queued."""

    async def is_idle() -> bool:
        state = await schedule.read(caller.db)
        status = await control.status(caller)
        return bool(status["lastRun"]) and not state.get("held") and "request" not in state

    await waiting.until(is_idle)


async def test_service_that_ends_lets_go(small_batches: Syncing, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that is stopped during a run releases the lease immediately, and the run is due for the others."""
    begun = asyncio.Event()

    async def endless(run: progress.SyncRun, settings: Settings) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("connector.scheduler.sync_once", endless)
    async with scheduled(small_batches.caller, small_batches.settings):
        await begun.wait()
    run = await progress.take(small_batches.caller)
    assert run is not None
    monkeypatch.undo()
    await perform(run, small_batches.settings)
    assert (await control.get_run(small_batches.caller, run.id))["status"] == "SUCCEEDED"
