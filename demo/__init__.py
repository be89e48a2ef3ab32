"""Demo data: a few hundred believable contacts, loaded through the real importer and sync path.

The directory that they belong to is Meridian's, an invented company, and the contacts are people at invented partners
and vendors. All addresses are under `.example`; phone numbers are in ranges reserved for fiction where a country has
them. Each part is loaded once into a directory, so that what people change or delete of it stays changed or deleted.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import structlog

from demo import files
from resolvers import groups
from resolvers.caller import Caller
from resolvers.errors import EmailAddressTaken
from resolvers.imports import jobs
from resolvers.imports.jobs import Options
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
    """Load the parts that this directory never had. Safe to repeat, also after a load that was cut off anywhere."""
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
            if problem.kind != "group":  # else it is this group, of a load that was cut off
                _left_out(group["displayName"], problem.message)


async def _on_premises(caller: Caller) -> None:
    found = files.on_premises()
    outcome = await contacts.apply(replace(caller, author=SYNC), found.contacts)
    for skipped in outcome.skipped:
        _left_out(skipped.distinguished_name, skipped.message)
    # No domain controller is behind the demo data, so that no next cycle is due.
    await state.completed(caller.db, found.domain, found.server, caller.clock(), None)


async def _memberships(caller: Caller) -> None:
    """Groups are the cloud's own: Active Directory does not know who of its contacts are members."""
    members = files.on_premises().members
    ids = await claims.synced_ids(caller.db, {guid for guids in members.values() for guid in guids})
    for group in files.groups():
        if present := await groups.group_by_address(caller, group["emailAddress"]):
            wanted = [ids[guid] for guid in members[group["displayName"]] if guid in ids]
            await groups.add_contacts(replace(caller, author=IMPORTER), present["_id"], wanted)


async def _cloud_contacts(caller: Caller) -> None:
    """Those that an earlier load created before it was cut off are left as people have made them since."""
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
        _left_out(f"line {problem['line']}", problem["message"])


def _left_out(what: str, why: str) -> None:
    log.warning("demo data left out", what=what, why=why)


# Managers are loaded before their reports, and groups before their members.
PARTS: dict[str, Part] = {
    "groups": _groups,
    "onPremises": _on_premises,
    "memberships": _memberships,
    "contacts": _cloud_contacts,
}
