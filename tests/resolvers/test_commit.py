"""Changes that lose against others, again and again."""

from collections.abc import Sequence

import pytest

from resolvers import contacts
from resolvers.caller import Caller
from resolvers.commit import commit
from resolvers.errors import Busy
from storage import changes
from storage.changes import Change
from storage.driver import Session
from tests.support.consistency import check
from tests.support.people import person


async def test_a_change_that_always_comes_too_late_is_refused(caller: Caller) -> None:
    """A change of a contact that others change each time is given up in the end, and nothing is written."""
    before = await contacts.create_contact(caller, person("Ana Silva"))
    await contacts.update_contact(caller, before["_id"], {"company": "Acme"})
    attempts = 0

    async def decide(session: Session) -> Sequence[Change]:
        nonlocal attempts
        attempts += 1
        return [changes.updated(before, {**before, "company": "Late"}, caller.clock())]

    with pytest.raises(Busy, match="Try again"):
        await commit(caller, decide)
    found = await contacts.get_contact(caller, before["_id"])
    assert found is not None
    assert (found["company"], attempts > 1) == ("Acme", True)
    await check(caller.db)


async def test_a_change_is_decided_again_on_what_others_made(caller: Caller) -> None:
    """A change that came too late once is decided again, on the contact as it is now."""
    before = await contacts.create_contact(caller, person("Ana Silva"))
    attempts = 0

    async def decide(session: Session) -> Sequence[Change]:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            await contacts.update_contact(caller, before["_id"], {"company": "Acme"})
        found = before if attempts == 1 else await contacts.get_contact(caller, before["_id"])
        assert found is not None
        plain = {name: value for name, value in found.items() if name != "keys"}
        return [changes.updated(found, {**plain, "jobTitle": "Buyer"}, caller.clock())]

    (change,) = await commit(caller, decide)
    assert (change.contact["company"], change.contact["jobTitle"], attempts) == ("Acme", "Buyer", 2)
    await check(caller.db)


async def test_an_address_that_nobody_holds_any_more_is_waited_for(caller: Caller) -> None:
    """An address whose holder is gone before it can be named is asked for again, and refused in the end."""
    await caller.db.claims.insert_one({"_id": "smtp:ana.silva@us.example", "kind": "contact", "holder": "nobody"})
    with pytest.raises(Busy):
        await contacts.create_contact(caller, person("Ana Silva", emailAddress="ana.silva@us.example"))
    assert await contacts.contact_by_address(caller, "ana.silva@us.example") is None
