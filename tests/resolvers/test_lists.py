"""Lists of contacts: filters, search, orderings, paging, totals."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolvers import contacts
from resolvers.caller import Caller
from resolvers.errors import InvalidRequest
from storage.changes import updated
from storage.documents import Document, now
from storage.keys import keys
from storage.lists import index_choice
from storage.lists.indexes import ORDERINGS
from storage.lists.pages import Ordering, Window, key
from storage.lists.selection import Selection
from tests.support.people import person, synced

NAME = Ordering("keys.name")


async def found(caller: Caller, ordering: Ordering = NAME, **wanted: object) -> list[str]:
    """The first names of the selected contacts. The page and the total must agree."""
    selection = Selection(**wanted)  # type: ignore[arg-type] # each test sets what the field accepts
    page = await contacts.list_contacts(caller, selection, ordering, Window(100))
    assert await contacts.count_contacts(caller, selection) == len(page.documents)
    return [each["displayName"].split()[0] for each in page.documents]


@pytest.fixture
async def people(caller: Caller, sync_caller: Caller) -> dict[str, Document]:
    """A few contacts that differ in everything that lists use."""
    made = {
        "boss": await contacts.create_contact(caller, person("Ángel Boss", company="Zeta", department="IT")),
        "bo": await contacts.create_contact(
            caller,
            person("Bo Li", company="Acme & Söhne", jobTitle="Buyer", showInGal=False, address={"country": "GB"}),
        ),
    }
    made["ana"] = await contacts.create_contact(
        caller,
        person(
            "Ana O'Brien-Silva",
            emailAddress="ana@partner.example",
            company="acme & sohne",
            aliases=["a.obrien@Other.Example"],
            mobilePhone="+44 7700 900123",
            managerId=made["boss"]["_id"],
        ),
    )
    made["zoe"] = await synced(sync_caller, "Zoë Horvat")
    return made


@pytest.mark.usefixtures("people")
async def test_filters(caller: Caller) -> None:
    """Each filter selects contacts, and several together select those that match all."""
    assert await found(caller) == ["Ana", "Ángel", "Bo", "Zoë"]
    assert await found(caller, source="SYNCED") == ["Zoë"]
    assert await found(caller, source="CLOUD") == ["Ana", "Ángel", "Bo"]
    assert await found(caller, gal="HIDDEN") == ["Bo"]
    assert await found(caller, source="CLOUD", gal="VISIBLE") == ["Ana", "Ángel"]
    assert await found(caller, company="ACME & Sohne") == ["Ana", "Bo"]
    assert await found(caller, company="acme & söhne", gal="HIDDEN") == ["Bo"]
    assert await found(caller, company="acme") == []
    assert await found(caller, department="it") == ["Ángel"]
    assert await found(caller, job_title="buyer", country="gb") == ["Bo"]
    assert await found(caller, email_domain="OTHER.example") == ["Ana"]
    assert await found(caller, company="Zeta", country="GB") == []


async def test_filters_by_reference_and_time(caller: Caller, people: dict[str, Document]) -> None:
    """Contacts can be selected by manager, by IDs, and by the time of the last change."""
    assert await found(caller, manager_id=people["boss"]["_id"]) == ["Ana"]
    assert await found(caller, ids=[people["bo"]["_id"], people["zoe"]["_id"], "x"]) == ["Bo", "Zoë"]
    assert await found(caller, ids=[people["bo"]["_id"]], source="SYNCED") == []
    later = people["zoe"]["updatedAt"] + timedelta(hours=1)
    assert await found(caller, updated_since=later) == []
    assert len(await found(caller, updated_since=people["boss"]["updatedAt"])) == 4


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("an", ["Ana", "Ángel"]),
        ("ANGÉL", ["Ángel"]),
        ("brien", ["Ana"]),
        ("o'bri", ["Ana"]),
        ("silva ana", ["Ana"]),
        ("ana boss", []),
        ("a.obrien@oth", ["Ana"]),
        ("other.ex", ["Ana"]),
        ("partner", ["Ana", "Ángel", "Bo", "Zoë"]),
        ("sohne", ["Ana", "Bo"]),
        ("+44 7700", ["Ana"]),
        ("07700", ["Ana"]),
        ("447700900123", ["Ana"]),
        (".*", []),
        ("$where", []),
    ],
)
async def test_search(caller: Caller, search: str, names: list[str]) -> None:
    """All words of a search must begin a word of a name, the company, an address, a domain or a phone number."""
    assert await found(caller, search=search) == names


@pytest.mark.parametrize(
    "search",
    [
        "10023@part",
        "jose@other.example",
        "josé@OTHER.example",
        "ana.12345@münchen.ex",
        "München.example",
        "xn--mnchen",
        "@münchen",
        "24/7-365 serv",
        "2000-2001",
        "365",
    ],
)
async def test_search_by_unusual_addresses_and_names(caller: Caller, search: str) -> None:
    """Addresses of digits, with accents and in international domains are found as written, and so are numbers."""
    aliases = ["josé@other.example", "ana.12345@münchen.example"]
    company = "24/7-365 Services 2000-2001"
    await contacts.create_contact(
        caller, person("Ana Silva", emailAddress="10023@partner.example", aliases=aliases, company=company)
    )
    assert await found(caller, search=search) == ["Ana"]


@pytest.mark.parametrize("domain", ["münchen.example", " @MÜNCHEN.example", "xn--mnchen-3ya.example"])
async def test_filter_by_international_domain(caller: Caller, domain: str) -> None:
    """A domain can be given in its own script or in ASCII."""
    await contacts.create_contact(caller, person("Ana Silva", emailAddress="ana@münchen.example"))
    assert await found(caller, email_domain=domain) == ["Ana"]


@pytest.mark.usefixtures("people")
async def test_orderings(caller: Caller) -> None:
    """Every ordering sorts in both directions, ignoring accents and case; contacts without a company are first."""
    assert await found(caller, Ordering("keys.company")) == ["Zoë", *["Bo", "Ana"], "Ángel"]
    assert await found(caller, Ordering("keys.emailAddress")) == ["Ana", "Bo", "Zoë", "Ángel"]
    assert await found(caller, Ordering("_id")) == ["Ángel", "Bo", "Ana", "Zoë"]
    assert await found(caller, Ordering("keys.updated", descending=True)) == ["Zoë", "Ana", "Bo", "Ángel"]
    for field in ORDERINGS:
        assert await found(caller, Ordering(field, descending=True)) == (await found(caller, Ordering(field)))[::-1]


@pytest.mark.parametrize("asked", [{"search": "a " * 200}, {"company": "a" * 257}, {"ids": ["x"] * 501}])
async def test_selections_are_bounded(caller: Caller, asked: dict[str, str | list[str]]) -> None:
    """A search, filter or list of IDs that is too long is refused before it becomes a query."""
    with pytest.raises(InvalidRequest):
        await found(caller, NAME, **asked)


async def fill(caller: Caller, count: int) -> None:
    """Add this many contacts, many of them with the same name and company."""
    await asyncio.gather(
        *(
            contacts.create_contact(
                caller, person(f"Ana {n % 3}", emailAddress=f"{n}@x.example", company=["A", "b"][n % 2])
            )
            for n in range(count)
        )
    )


async def walk(caller: Caller, ordering: Ordering, size: int, backwards: bool) -> list[str]:
    """The IDs of all contacts in the order of the list, read page by page."""
    ids: list[str] = []
    place: str | None = None
    while True:
        window = Window(size, None if backwards else place, place if backwards else None, backwards)
        page = await contacts.list_contacts(caller, Selection(), ordering, window)
        got = [each["_id"] for each in page.documents]
        ids = got + ids if backwards else ids + got
        if not (page.has_previous if backwards else page.has_next):
            return ids
        place = key(page.documents[0 if backwards else -1], ordering)


@pytest.mark.parametrize("field", ORDERINGS)
async def test_paging_meets_everyone_once(caller: Caller, field: str) -> None:
    """Forward and backward, with any page size, each contact is read once and in order, even with equal values."""
    await fill(caller, 13)
    whole = await walk(caller, Ordering(field), 100, False)
    assert len(set(whole)) == 13
    for size in (1, 4, 13):
        assert await walk(caller, Ordering(field), size, False) == whole
        assert await walk(caller, Ordering(field), size, True) == whole
        assert await walk(caller, Ordering(field, descending=True), size, False) == whole[::-1]


async def test_paging_while_others_come_and_go(caller: Caller) -> None:
    """Contacts that exist all the time are read exactly once, whatever is created and deleted meanwhile."""
    await fill(caller, 20)
    steady = set(await walk(caller, NAME, 100, False))
    met: list[str] = []
    place: str | None = None
    for number in range(100):
        page = await contacts.list_contacts(caller, Selection(), NAME, Window(3, place))
        met += [each["_id"] for each in page.documents]
        if not page.has_next:
            break
        place = key(page.documents[-1], NAME)
        await contacts.create_contact(caller, person(f"Ana {number % 3}", emailAddress=f"new{number}@x.example"))
        gone = page.documents[-1]["_id"]
        await contacts.delete_contact(caller, gone)
    assert len(met) == len(set(met))
    assert steady <= set(met)


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=30)
@given(st.lists(NAMES, min_size=1, max_size=3), st.data())
async def test_everyone_is_found_by_their_beginnings(caller: Caller, words: list[str], data: st.DataObject) -> None:
    """A contact is found by the beginning of any word of its name, in any script."""
    contact = await contacts.create_contact(
        caller, person(" ".join(words), lastName="x", firstName="x", emailAddress="a@b.example")
    )
    try:
        word = data.draw(st.sampled_from(words))
        search = word[: data.draw(st.integers(1, len(word)))]
        page = await contacts.list_contacts(caller, Selection(search=search), NAME, Window(9))
        assert [each["_id"] for each in page.documents] == [contact["_id"]]
    finally:
        await contacts.delete_contact(caller, contact["_id"])


async def test_common_words_walk_the_list(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search has the same results whether its words count as rare or as common."""
    await fill(caller, 10)
    rare = await found(caller, search="ana 2 x.ex")
    monkeypatch.setattr(index_choice, "RARE", 1)
    assert await found(caller, search="ana 2 x.ex") == rare


def test_updated_key_follows_the_update() -> None:
    """A change moves the contact in the ordering by last change."""
    at = now()
    before: Document = {"_id": "a", "displayName": "A", "emailAddress": "a@b.example", "version": 1, "updatedAt": at}
    after = updated(before, before, at + timedelta(milliseconds=1)).contact
    assert keys(after)["updated"] > keys(before)["updated"]
