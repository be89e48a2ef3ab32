"""When contacts last synced that a cycle could not make what they are in Active Directory."""

from datetime import datetime, timedelta

from resolvers import contacts, mastery
from resolvers.caller import Caller
from storage.documents import now
from tests.support.people import person
from tests.support.simulation import Simulated, contact, cycle, named


async def last_sync(caller: Caller, name: str) -> datetime:
    """When the contact of this name last synced, as it is shown."""
    return mastery.last_sync_at((await named(caller, name))["onPremises"], await mastery.read(caller))


class Clock:
    """Goes on by an hour with every look at it, from a whole second on."""

    def __init__(self) -> None:
        self.time = now().replace(microsecond=0)

    def __call__(self) -> datetime:
        self.time += timedelta(hours=1)
        return self.time


async def test_refused_contact_did_not_sync(sync_caller: Caller, caller: Caller) -> None:
    """A contact that is refused shows the last cycle that found it as it was, until one finds it so again."""
    own = Caller(sync_caller.db, sync_caller.author, clock=Clock())
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
    """A contact that was refused, and is now as before, shows the cycle that found it so, and those after."""
    own = Caller(sync_caller.db, sync_caller.author, clock=Clock())
    await contacts.create_contact(caller, person("Una Cloud", emailAddress="new@x.test"))
    await cycle(own, Simulated([contact(1, "Ann", "a@x.test", 5)]))
    await cycle(own, Simulated([contact(1, "Ann", "new@x.test", 101)], usn=101))
    before = await last_sync(own, "Ann")
    for usn in (102, 103):
        await cycle(own, Simulated([contact(1, "Ann", "a@x.test", 102)], usn=usn))
        assert await last_sync(own, "Ann") > before
        before = await last_sync(own, "Ann")


async def test_missing_contact_did_not_sync(sync_caller: Caller) -> None:
    """A contact that a server misses which lags behind shows when it was last seen."""
    own = Caller(sync_caller.db, sync_caller.author, clock=Clock())
    await cycle(own, Simulated([contact(1, "Ann", "a@x.test", 5)]))
    before = await last_sync(own, "Ann")
    await cycle(own, Simulated([], database="B", usn=50))
    assert await last_sync(own, "Ann") == before
