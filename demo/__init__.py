"""Demo data: a few hundred realistic contacts, loaded through the real importer and sync.

The directory belongs to Meridian, a fictional company, and the contacts are people at fictional partners and vendors.
All addresses are under `.example`. Phone numbers are in ranges reserved for fiction if a country has them. Each part is
only loaded once into a directory, so that changes and deletions by users are not undone.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import structlog

from demo import files
from resolvers import groups
from resolvers.caller import Caller
from resolvers.errors import EmailAddressTaken
from resolvers.imports import jobs
from resolvers.imports.options import Options
from resolvers.imports.runner import Runner
from resolvers.sync import contacts
from storage import claims, demo_state, imports
from storage.changes import Author
from storage.sync import state

log = structlog.get_logger(__name__)

Part = Callable[[Caller], Awaitable[None]]

IMPORTER = Author("Demo data", "import")
SYNC = Author("Active Directory", "sync")


async def load(caller: Caller) -> None:
    """Load the parts that have never been loaded into this directory. Safe to repeat, also after an interruption."""
    loaded = await demo_state.loaded(caller.db)
    for name, part in PARTS.items():
        if name not in loaded:
            await part(caller)
            await demo_state.add(caller.db, name)
            log.info("demo data loaded", part=name)


async def _groups(caller: Caller) -> None:
    for group in files.groups():
        try:
            await groups.create_group(replace(caller, author=IMPORTER), group)
        except EmailAddressTaken as problem:
            if problem.kind != "group":  # if it is a group, it is this one, from an interrupted load
                _skipped(group["displayName"], problem.message)


async def _on_premises(caller: Caller) -> None:
    found = files.on_premises()
    outcome = await contacts.apply(replace(caller, author=SYNC), found.contacts)
    for skipped in outcome.skipped:
        _skipped(skipped.distinguished_name, skipped.message)
    # There is no domain controller, so no next run is due.
    await state.completed(caller.db, found.domain, found.server, caller.clock(), None)


async def _memberships(caller: Caller) -> None:
    """Add the synced contacts to the groups, which are cloud-only."""
    members = files.on_premises().members
    ids = await claims.synced_ids(caller.db, {guid for guids in members.values() for guid in guids})
    for group in files.groups():
        if present := await groups.group_by_address(caller, group["emailAddress"]):
            wanted = [ids[guid] for guid in members[group["displayName"]] if guid in ids]
            await groups.add_contacts(replace(caller, author=IMPORTER), present["_id"], wanted)


async def _cloud_contacts(caller: Caller) -> None:
    """Import the cloud-only contacts. Those from an interrupted load are left alone: users may have changed them."""
    content = files.contacts()
    created = await demo_state.ever_created(caller.db, IMPORTER.name, files.addresses(content))
    if left := files.without(content, created):
        await _import(replace(caller, author=IMPORTER), left)


async def _import(caller: Caller, content: bytes) -> None:
    async def file() -> AsyncIterator[bytes]:
        yield content

    job, scanned = await jobs.start_csv(caller, file(), Options(encoding="utf-8", file_name="contacts.csv"))
    runner = Runner(caller)
    runner.start(job, scanned)
    ended = await runner.wait(job["_id"])
    if ended is None or ended["status"] != "SUCCEEDED":
        raise RuntimeError(f"The demo contacts were not imported: {ended and ended['message']}")
    async for problem in imports.all_problems(caller.db, job["_id"]):
        _skipped(f"line {problem['line']}", problem["message"])


def _skipped(what: str, why: str) -> None:
    log.warning("demo data skipped", what=what, why=why)


# Managers are loaded before their reports, and groups before their members.
PARTS: dict[str, Part] = {
    "groups": _groups,
    "onPremises": _on_premises,
    "memberships": _memberships,
    "contacts": _cloud_contacts,
}
