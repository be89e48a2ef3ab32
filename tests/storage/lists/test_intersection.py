"""Pages of searches for several common words."""

from collections.abc import AsyncIterator

import pytest

from storage import contacts
from storage.driver import Database
from storage.lists import index_choice, intersection, pages
from storage.lists.pages import Ordering, Page, Window
from storage.lists.selection import Selection
from tests.support import dataset
from tests.support.queries import profiled

COUNT = 600
SEARCHES = [
    Selection(search="ana smith"),
    Selection(search="ana bram"),
    Selection(search="company smith"),
    Selection(search="c a s"),
    Selection(search="company ana", source="SYNCED"),
    Selection(search="company1 contact1 e", gal="HIDDEN"),
    Selection(search="an company1@ 1"),
]


@pytest.fixture(scope="module")
async def filled(prepared_db: Database) -> AsyncIterator[Database]:
    """A few hundred contacts, read-only."""
    await prepared_db.contacts.insert_many(list(dataset.contacts(COUNT)))
    yield prepared_db
    await prepared_db.contacts.delete_many({})


@pytest.mark.parametrize("stretch", [2, 7, 1_000])
@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
@pytest.mark.parametrize("selection", SEARCHES, ids=lambda selection: selection.search)
async def test_pages_are_those_of_the_list(
    filled: Database, monkeypatch: pytest.MonkeyPatch, selection: Selection, descending: bool, stretch: int
) -> None:
    """From the first page to the last and back, the intersection finds the same contacts as a full scan."""
    monkeypatch.setattr(index_choice, "RARE", 1)
    monkeypatch.setattr(index_choice, "FEW", 1)
    monkeypatch.setattr(intersection, "_MAX_STRETCH", stretch)
    monkeypatch.setattr(intersection, "_MAX_STEPS", 10_000)
    monkeypatch.setattr(intersection, "_MAX_WASTED", 10_000)
    every = [contact async for contact in filled.contacts.find() if selection.matches(contact)]
    ordering = Ordering("keys.name", descending)
    expected = sorted((pages.key(each, ordering) for each in every), reverse=descending)
    size = max(2, len(expected) // 3)

    async def read(window: Window) -> Page:
        return await contacts.page(filled, selection, ordering, window, ["displayName"])

    forth: list[str] = []
    while True:
        page = await read(Window(size, after=forth[-1] if forth else None))
        assert page.has_previous is bool(forth)
        forth += pages.keys(page.documents, ordering)
        if not page.has_next:
            break
    assert forth == expected
    back: list[str] = []
    while True:
        page = await read(Window(size, before=back[0] if back else None, backwards=True))
        back = [*pages.keys(page.documents, ordering), *back]
        if not page.has_previous:
            break
    assert back == expected
    if len(expected) > 2:
        between = await read(Window(size, after=expected[0], before=expected[-1]))
        assert pages.keys(between.documents, ordering) == expected[1:-1][:size]


async def test_names_that_never_meet_take_few_steps(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no contact has both names, few steps and no read of a contact are enough to find that out."""
    monkeypatch.setattr(index_choice, "RARE", 1)
    monkeypatch.setattr(index_choice, "FEW", 1)
    monkeypatch.setattr(intersection, "_MAX_STRETCH", 5)
    async with profiled(filled) as entries:
        page = await contacts.page(filled, Selection(search="ana bram"), Ordering("keys.name"), Window(50))
    reads = [entry for entry in entries if entry["command"].get("find") == "contacts"]
    assert page.documents == []
    assert len(reads) <= 12
    assert sum(entry["docsExamined"] for entry in reads) == 0


async def test_words_that_interleave_for_long(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the intersection takes too many steps, the page is found by a walk instead."""
    monkeypatch.setattr(index_choice, "RARE", 1)
    monkeypatch.setattr(index_choice, "FEW", 1)
    monkeypatch.setattr(intersection, "_MAX_STRETCH", 1)
    monkeypatch.setattr(intersection, "_MAX_STEPS", 3)
    selection = Selection(search="company smith")
    page = await contacts.page(filled, selection, Ordering("keys.name"), Window(COUNT))
    assert len(page.documents) == len([each async for each in filled.contacts.find() if selection.matches(each)])


async def test_prefixes_that_do_not_select(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """If everyone has the indexed prefixes but few have the words, not every contact is read."""
    monkeypatch.setattr(index_choice, "RARE", 1)
    monkeypatch.setattr(intersection, "_MAX_WASTED", 100)
    async with profiled(filled) as entries:
        page = await contacts.page(filled, Selection(search="contact59 company"), Ordering("keys.name"), Window(50))
    by_id = [entry for entry in entries if "_id" in entry["command"].get("filter", {})]
    assert len(page.documents) == 11
    assert sum(entry["docsExamined"] for entry in by_id) < 300
