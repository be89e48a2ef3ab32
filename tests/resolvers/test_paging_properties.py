"""Whatever is created and deleted between two pages, a list neither skips nor repeats other contacts."""

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolvers import contacts, paging
from resolvers.caller import Caller
from storage.documents import new_id
from storage.lists.indexes import ORDERINGS
from storage.lists.pages import Ordering, Window
from storage.lists.selection import Selection
from tests.support.people import person

# Few values each, so that many contacts have equal ones. The search finds all of them.
NAMES = st.sampled_from(["Ana Silva", "Ána Silva", "Andy Li", "ana"])
COMPANIES = st.sampled_from([None, "Acme", "acme", "Zeta"])
PEOPLE = st.tuples(NAMES, COMPANIES)
# Between two pages, contacts are created and deleted, the latter by their position among the existing ones.
STEPS = st.lists(st.tuples(st.lists(PEOPLE, max_size=2), st.lists(st.floats(0, 0.99), max_size=2)), max_size=8)


@dataclass(frozen=True)
class Reading:
    """How a list is read to the end."""

    ordering: Ordering
    selection: Selection
    size: int
    backwards: bool

    def window(self, cursor: str | None) -> Window:
        """The page after a cursor, in the direction of reading."""
        if self.backwards:
            return paging.window(self.ordering, last=self.size, before=cursor)
        return paging.window(self.ordering, first=self.size, after=cursor)


READINGS = st.builds(
    Reading,
    st.builds(Ordering, st.sampled_from(ORDERINGS), st.booleans()),
    st.sampled_from([Selection(), Selection(search="an"), Selection(gal="VISIBLE")]),
    st.integers(1, 4),
    st.booleans(),
)


class Crowd:
    """The existing contacts, while others are created and deleted."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.present: list[str] = []
        self.deleted: set[str] = set()

    async def create(self, name: str, company: str | None) -> None:
        """Create a contact."""
        fields = person(name, emailAddress=f"{new_id()}@x.example", company=company)
        self.present.append((await contacts.create_contact(self.caller, fields))["_id"])

    async def delete(self, place: float) -> None:
        """Delete the contact at this position, from 0 (first) to 1 (last), if there is any."""
        if self.present:
            gone = self.present.pop(int(place * len(self.present)))
            await contacts.delete_contact(self.caller, gone)
            self.deleted.add(gone)

    async def move(self, coming: list[tuple[str, str | None]], going: list[float]) -> None:
        """Create and delete some contacts."""
        for each in coming:
            await self.create(*each)
        for place in going:
            await self.delete(place)

    async def leave(self) -> None:
        """Delete all contacts."""
        await contacts.delete_contacts(self.caller, self.present)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(READINGS, st.lists(PEOPLE, min_size=1, max_size=12), STEPS)
async def test_those_who_stay_are_met_once(
    caller: Caller,
    reading: Reading,
    people: list[tuple[str, str | None]],
    steps: list[tuple[list[tuple[str, str | None]], list[float]]],
) -> None:
    """In every ordering and direction, contacts that stay are read once and in order, whatever else happens."""
    crowd = Crowd(caller)
    for each in people:
        await crowd.create(*each)
    began = set(crowd.present)
    met: list[tuple[str, str]] = []
    cursor, more = None, True
    while more and len(met) < 100:  # there are always fewer
        page = await contacts.list_contacts(caller, reading.selection, reading.ordering, reading.window(cursor))
        read = [(paging.key(each, reading.ordering), each["_id"]) for each in page.documents]
        met += read[::-1] if reading.backwards else read
        more = bool(read) and (page.has_previous if reading.backwards else page.has_next)
        cursor = paging.encode(reading.ordering, met[-1][0]) if met else None
        if steps:
            await crowd.move(*steps.pop(0))
    descending = reading.ordering.descending is not reading.backwards
    assert all((one > other) if descending else (one < other) for (one, _), (other, _) in pairwise(met))
    assert began - crowd.deleted <= {identifier for _, identifier in met}
    await crowd.leave()
