"""Filters of an export that name groups and managers as people do."""

import pytest

from resolvers import contacts, groups
from resolvers.caller import Caller
from resolvers.errors import InvalidRequest, NotFound
from resolvers.files import filters
from tests.support.people import person


async def test_groups_by_id_address_and_name(caller: Caller) -> None:
    """A group is found by its ID, its address in any case, and its name without accents."""
    made = await groups.create_group(caller, {"displayName": "Équipe Nord", "emailAddress": "nord@a.example"})
    for named in (made["_id"], "NORD@a.example", "equipe  nord"):
        assert await filters.group_id(caller, named) == made["_id"]


@pytest.mark.parametrize("named", ["Nobody", "nobody@a.example", "", "…"])
async def test_unknown_groups_are_refused(caller: Caller, named: str) -> None:
    """What names no group is refused."""
    with pytest.raises(NotFound):
        await filters.group_id(caller, named)


async def test_a_name_of_several_groups_is_refused(caller: Caller) -> None:
    """Where several groups have a name, the refusal asks for an address."""
    for address in ("one@a.example", "two@a.example"):
        await groups.create_group(caller, {"displayName": "Team", "emailAddress": address})
    with pytest.raises(InvalidRequest, match=r"2 groups .* address"):
        await filters.group_id(caller, "team")


async def test_managers_by_id_and_address(caller: Caller) -> None:
    """A manager is found by ID and by any address, and refused where there is none."""
    made = await contacts.create_contact(caller, person("Ana Silva", aliases=["boss@a.example"]))
    assert {await filters.manager_id(caller, named) for named in (made["_id"], "Boss@a.example")} == {made["_id"]}
    with pytest.raises(NotFound):
        await filters.manager_id(caller, "nobody@a.example")
