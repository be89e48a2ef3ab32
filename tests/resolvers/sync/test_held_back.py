"""The last sync time of contacts that differ from Active Directory because a run skipped them."""

from datetime import datetime, timedelta

from resolvers import contacts, mastery
from resolvers.caller import Caller, Role
from storage.documents import now
from tests.support.people import person
from tests.support.simulation import Simulated, contact, cycle, named


async def last_sync(caller: Caller, name: str) -> datetime:
    """The last sync time shown for the contact of this name."""
    return mastery.last_sync_at((await named(caller, name))["onPremises"], await mastery.read(caller))


class Clock:
    """A clock that advances by an hour with every reading, starting at a whole second."""

    def __init__(self) -> None:
        self.time = now().replace(microsecond=0)

    def __call__(self) -> datetime:
        self.time += timedelta(hours=1)
        return self.time


async def test_refused_contact_did_not_sync(sync_caller: Caller, caller: Caller) -> None:
    """A skipped contact shows the last run that found it in sync, until another run does."""
    own = Caller(sync_caller.db, sync_caller.author, Role.ADMIN, clock=Clock())
    holder = await contacts.create_contact(caller, person("Una Cloud", emailAddress="new@x.test"))
    bo = contact(2, "Bo", "b@x.test", 5)
    await cycle(own, Simulated([contact(1, "Ann", "a@x.test", 5), bo]))
    await cycle(own, Simulated([contact(1, "Ann", "a@x.test", 5), bo], usn=101))
    before = await last_sync(own, "Ann")
    assert before == await last_sync(own, "Bo")
    for usn in (102, 103):
        await cycle(own, Simulated([contact(1, "Ann", "new@x.test", 102), bo], usn=usn))
        assert await last_sync(own, "Ann") == before < await last_sync(own, "Bo")
    await contacts.delete_contact(caller, holder["_id"])
    await cycle(own, Simulated([contact(1, "Ann", "new@x.test", 102), bo], usn=104))
    assert await last_sync(own, "Ann") == await last_sync(own, "Bo")


async def test_change_taken_back_did_sync(sync_caller: Caller, caller: Caller) -> None:
    """A skipped contact that is in sync again shows the run that found it so, and later runs."""
    own = Caller(sync_caller.db, sync_caller.author, Role.ADMIN, clock=Clock())
    await contacts.create_contact(caller, person("Una Cloud", emailAddress="new@x.test"))
    await cycle(own, Simulated([contact(1, "Ann", "a@x.test", 5)]))
    await cycle(own, Simulated([contact(1, "Ann", "new@x.test", 101)], usn=101))
    before = await last_sync(own, "Ann")
    for usn in (102, 103):
        await cycle(own, Simulated([contact(1, "Ann", "a@x.test", 102)], usn=usn))
        assert await last_sync(own, "Ann") > before
        before = await last_sync(own, "Ann")


async def test_missing_contact_did_not_sync(sync_caller: Caller) -> None:
    """A contact that is missing on a lagging server shows when it was last seen."""
    own = Caller(sync_caller.db, sync_caller.author, Role.ADMIN, clock=Clock())
    await cycle(own, Simulated([contact(1, "Ann", "a@x.test", 5)]))
    before = await last_sync(own, "Ann")
    await cycle(own, Simulated([], database="B", usn=50))
    assert await last_sync(own, "Ann") == before
