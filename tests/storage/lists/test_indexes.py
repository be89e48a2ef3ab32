"""MongoDB's profiler shows that every list walks an index in the list's order, or sorts only a few contacts."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from storage import contacts
from storage.documents import Document
from storage.driver import Database
from storage.lists import index_choice, pages
from storage.lists.indexes import ORDERINGS
from storage.lists.pages import Ordering, Window
from storage.lists.selection import Selection
from tests.support import dataset
from tests.support.queries import profiled

COUNT = 4_000
SIZE = 50

FILTERS = {
    "all": Selection(),
    "synced": Selection(source="SYNCED"),
    "cloud": Selection(source="CLOUD"),
    "hidden": Selection(gal="HIDDEN"),
    "cloud and visible": Selection(source="CLOUD", gal="VISIBLE"),
    "company": Selection(company="company 1"),
    "department": Selection(department="Sales"),
    "job title": Selection(job_title="Buyer"),
    "country": Selection(country="Norway"),
    "domain": Selection(email_domain="company1.example"),
    "department, synced and hidden": Selection(department="Sales", source="SYNCED", gal="HIDDEN"),
}


@pytest.fixture(scope="module")
async def filled(prepared_db: Database) -> AsyncIterator[Database]:
    """A few thousand contacts, read-only."""
    await prepared_db.contacts.insert_many(list(dataset.contacts(COUNT)))
    yield prepared_db
    await prepared_db.contacts.delete_many({})


async def reads(db: Database, selection: Selection, ordering: Ordering, window: Window) -> tuple[pages.Page, Document]:
    """A page, and the profiler's entry of the query that read it."""
    async with profiled(db) as entries:
        page = await contacts.page(db, selection, ordering, window, ["displayName"])
    (found,) = [entry for entry in entries if entry["command"].get("find") == "contacts"]
    return page, found


def require_walk(page: pages.Page, entry: Document) -> None:
    """Require no collection scan, no sort in memory, and at most three keys examined per document."""
    assert "COLLSCAN" not in entry["planSummary"]
    assert not entry.get("hasSortStage", False)
    assert entry["keysExamined"] <= 3 * max(1, len(page.documents))


@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
@pytest.mark.parametrize("field", ORDERINGS)
@pytest.mark.parametrize("selection", FILTERS.values(), ids=FILTERS.keys())
async def test_lists_walk_an_index(filled: Database, selection: Selection, field: str, descending: bool) -> None:
    """For each filter and ordering, the first page and one in the middle walk an index."""
    ordering = Ordering(field, descending)
    page, entry = await reads(filled, selection, ordering, Window(SIZE))
    require_walk(page, entry)
    total = await contacts.count(filled, selection) if selection.facets else COUNT // 40
    half = await contacts.page(filled, selection, ordering, Window(max(1, total // 2)), ["_id"])
    middle = Window(SIZE, after=pages.key(half.documents[-1], ordering))
    require_walk(*await reads(filled, selection, ordering, middle))


@pytest.mark.parametrize(("kind", "index"), [("group_id", "members"), ("manager_id", "reports")])
async def test_members_and_reports_walk_an_index(filled: Database, kind: str, index: str) -> None:
    """Members of a group and reports of a manager, in display-name order, walk their own index."""
    stored = "groupIds" if kind == "group_id" else "managerId"
    some = await filled.contacts.find_one({stored: {"$exists": True}})
    assert some
    identifier: Any = some[stored][0] if kind == "group_id" else some[stored]
    page, entry = await reads(filled, Selection(**{kind: identifier}), Ordering("keys.name"), Window(SIZE))
    require_walk(page, entry)
    assert index in str(entry["planSummary"]) or "IXSCAN" in entry["planSummary"]


@pytest.mark.parametrize("search", ["a", "ana", "Compa", "contact7", "zoe"])
async def test_one_word_walks_an_index(filled: Database, search: str) -> None:
    """A page of the contacts with a word walks an index, however many they are and wherever they are in the order."""
    ordering = Ordering("keys.name")
    page, entry = await reads(filled, Selection(search=search), ordering, Window(SIZE))
    assert page.documents
    require_walk(page, entry)
    middle = Window(SIZE, after=pages.key(page.documents[len(page.documents) // 2], ordering))
    require_walk(*await reads(filled, Selection(search=search), ordering, middle))


async def test_a_total_of_one_word_reads_no_contact(filled: Database) -> None:
    """The total of a search for one word is counted in the index."""
    async with profiled(filled) as entries:
        found = await contacts.count(filled, Selection(search="ana"))
    (entry,) = [entry for entry in entries if entry["command"].get("aggregate") == "contacts"]
    assert found == await filled.contacts.count_documents({"keys.words": "ana"})
    assert entry["docsExamined"] == 0


@pytest.mark.parametrize("search", ["contact77@", "31", "kowalsk", "ana smith", "ana nobody", "company 2406"])
async def test_searches_sort_few(filled: Database, search: str) -> None:
    """A search reads at most as many contacts as count as rare, or walks a list in which its words are frequent."""
    _, entry = await reads(filled, Selection(search=search), Ordering("keys.name"), Window(SIZE))
    assert "COLLSCAN" not in entry["planSummary"]
    assert entry["docsExamined"] <= index_choice.RARE


async def test_frequent_words_that_never_meet(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk for frequent words that no contact has together times out and falls back on the rarest word."""
    monkeypatch.setattr(index_choice, "RARE", 1)
    monkeypatch.setattr(index_choice, "FEW", 1)
    monkeypatch.setattr(index_choice, "WALK_MS", 1)
    page = await contacts.page(filled, Selection(search="ana bram"), Ordering("keys.name"), Window(SIZE))
    assert page.documents == []


async def test_changed_since_sorts_few(filled: Database) -> None:
    """Contacts changed recently are found by time and then sorted, because they are few."""
    latest = await filled.contacts.find().sort("keys.updated", -1).skip(5).limit(1).to_list(None)
    selection = Selection(updated_since=latest[0]["updatedAt"])
    page, entry = await reads(filled, selection, Ordering("keys.name"), Window(SIZE))
    assert len(page.documents) == 6
    assert entry["docsExamined"] <= 6
