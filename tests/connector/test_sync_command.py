"""`contacts sync`, run as a program."""

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from connector.scheduler import scheduled
from resolvers.sync.source import DirectoryContact
from settings import Settings
from storage.sync import schedule
from tests.support import waiting
from tests.support.ad.provision import CONTACTS_DN
from tests.support.consistency import check
from tests.support.holding import held
from tests.support.syncing import Syncing, environment, reading

if TYPE_CHECKING:
    from tests.support.ad.administrator import Administrator
    from tests.support.ad.controller import Controller

pytestmark = pytest.mark.ad

COMMAND = (sys.executable, "-c", "import cli; cli.main()", "sync")


async def command(given: dict[str, str], *options: str) -> tuple[int | None, str, str]:
    """Run it and return the exit code, standard output and standard error."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*COMMAND, *options, env=given, stdout=pipe, stderr=pipe)
    output, progress = await process.communicate()
    return process.returncode, output.decode(), progress.decode()


async def test_dry_run_sync_and_stop(syncing: Syncing, admin: "Administrator", settings: Settings) -> None:
    """The command does a dry run, syncs, and stops, and prints the result and returns it as its exit code."""
    admin.add_contact("Ann")
    admin.add_contact("Bo", mail="no address")
    given = environment(syncing, settings, CONTACTS_AD_MAX_DELETIONS="0")
    code, output, progress = await command(given, "--dry-run")
    assert (code, await syncing.names()) == (0, set())
    assert "created   CN=Ann" in output
    assert "skipped   CN=Bo" in output
    assert "1 created" in output
    assert "connecting: 0 read" in progress
    assert (await command(given))[0] == 0
    assert await syncing.names() == {"Ann"}
    admin.delete(f"CN=Ann,{CONTACTS_DN}")
    code, output, _ = await command(given)
    assert (code, "TOO_MANY_DELETIONS" in output) == (1, True)
    assert (await command(given, "--allow-deletions"))[0] == 0
    assert await syncing.names() == set()


async def test_refusals(syncing: Syncing, settings: Settings) -> None:
    """Without a directory to sync from, or while a sync is running, the command says what to do."""
    code, _, why = await command(environment(syncing, settings, CONTACTS_AD_URLS=""))
    assert (code, "CONTACTS_AD_URLS" in why) == (1, True)
    run = await syncing.take()
    code, _, why = await command(environment(syncing, settings))
    assert (code, "already running" in why) == (1, True)
    await run.finish("SUCCEEDED")


@pytest.mark.slow
@pytest.mark.usefixtures("brief_transactions")
async def test_killed_process_is_taken_over(controller: "Controller", syncing: Syncing, settings: Settings) -> None:
    """If a sync command is killed in the middle of a run, the service takes over and completes it."""
    controller.stop()
    entries = [f"dn: CN=C {n},{CONTACTS_DN}\nobjectClass: contact\nmail: c{n}@x.test\n" for n in range(3_000)]
    controller.load("\n".join(entries))
    controller.start()
    await schedule.confirm(syncing.db, "dc1", 30)
    async with reading(controller) as reader:
        last = [each async for page in reader.contacts() for each in page][-1]
    assert isinstance(last, DirectoryContact)
    async with held(syncing.db, str(last.fields["emailAddress"])):
        process = await asyncio.create_subprocess_exec(*COMMAND, env=environment(syncing, settings))
        await present(syncing, 1)
        process.kill()
        await process.wait()
    assert await syncing.db.contacts.count_documents({}) < 3_000
    async with scheduled(syncing.caller, syncing.settings):
        await present(syncing, 3_000)
    await check(syncing.db)
    assert await syncing.db.history.count_documents({"action": "CREATED"}) == 3_000
    assert await syncing.db.sync_runs.count_documents({"status": "ABANDONED"}) >= 1


async def present(syncing: Syncing, number: int) -> None:
    """Wait until there are this many contacts."""
    await waiting.until(lambda: syncing.db.contacts.count_documents({}), lambda count: count >= number)
