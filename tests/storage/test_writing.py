"""The one write path of contacts."""

from collections.abc import Callable

import pytest

from resolvers.caller import Directory
from storage import changes, contacts, writing
from storage.changes import Author, Change
from storage.documents import Document, now
from storage.driver import Session
from tests.people import synced


@pytest.mark.parametrize(
    "change",
    [lambda contact: changes.updated(contact, {**contact, "notes": "x"}, now()), changes.deleted],
    ids=["update", "deletion"],
)
async def test_only_the_sync_writes_a_synced_contact(
    directory: Directory, sync_directory: Directory, change: Callable[[Document], Change]
) -> None:
    """Whatever was decided upon, the write itself fits no synced contact unless the sync writes."""
    contact = await synced(sync_directory)

    async def write(author: Author) -> None:
        async def work(session: Session) -> None:
            await writing.apply(directory.db, [change(contact)], author, now(), session)

        await directory.db.transaction(work)

    with pytest.raises(changes.Outdated):
        await write(directory.author)
    assert await contacts.get(directory.db, contact["_id"]) == contact
    await write(sync_directory.author)
    assert await contacts.get(directory.db, contact["_id"]) != contact
