"""The one write path of contacts."""

from collections.abc import Callable

import pytest

from resolvers.caller import Caller
from storage import changes, contacts, writing
from storage.changes import Author, Change
from storage.documents import Document, now
from storage.driver import Session
from tests.support.people import synced


@pytest.mark.parametrize(
    "change",
    [lambda contact: changes.updated(contact, {**contact, "notes": "x"}, now()), changes.deleted],
    ids=["update", "deletion"],
)
async def test_only_the_sync_writes_a_synced_contact(
    caller: Caller, sync_caller: Caller, change: Callable[[Document], Change]
) -> None:
    """Whatever was decided, the write itself matches a synced contact only if the sync writes it."""
    contact = await synced(sync_caller)

    async def write(author: Author) -> None:
        async def work(session: Session) -> None:
            await writing.apply(caller.db, [change(contact)], author, now(), session)

        await caller.db.transaction(work)

    with pytest.raises(changes.Outdated):
        await write(caller.author)
    assert await contacts.get(caller.db, contact["_id"]) == contact
    await write(sync_caller.author)
    assert await contacts.get(caller.db, contact["_id"]) != contact
