"""Many clients at once, through a real port: afterwards, everything agrees with a full scan."""

import asyncio
import os
import random
import time
from collections import Counter

import httpx
import pytest

from storage.driver import Database
from tests.support import waiting
from tests.support.consistency import check
from tests.support.graphql import GraphQL
from tests.support.operations import CHANGE, CREATE, UPDATE, group
from tests.support.people import person

CLIENTS = 16
SECONDS = float(os.environ.get("CONTACTS_SOAK_SECONDS", "8"))
LEAST = 10
ACTIONS = ("create", "create", "update", "update", "delete", "restore", "members", "list")
DELETE = "mutation($ids: [ID!]!) { deleteContacts(ids: $ids) { __typename } }"
RESTORE = "mutation($id: ID!) { restoreContact(id: $id) { __typename } }"
LIST = """query($search: String, $first: Int) { contactStats { total } contacts(search: $search, first: $first,
  orderBy: {field: UPDATED_AT, direction: DESC}) {
  totalCount nodes { id version groups { nodes { memberCount } } } } }"""


class Client:
    """A client that takes random actions on contacts that others use, too."""

    def __init__(self, number: int, graphql: GraphQL, groups: list[str], ids: list[str], done: Counter[str]) -> None:
        self.random = random.Random(number)
        self.number = number
        self.graphql = graphql
        self.groups = groups
        self.ids = ids
        self.done = done

    async def run(self, until: float) -> None:
        """Act until then, and at least `LEAST` times, so that every action is taken however busy the machine is."""
        count = 0
        while time.monotonic() < until or count < LEAST:
            count += 1
            name = self.random.choice(ACTIONS)
            await getattr(self, name)()
            self.done[name] += 1

    def some(self, count: int) -> list[str]:
        return self.random.sample(self.ids, min(count, len(self.ids)))

    async def create(self) -> None:
        # Few addresses, so that clients often use the same one.
        fields = person("Ana Silva", emailAddress=f"{self.random.randrange(200)}@soak.example")
        made = await self.graphql(CREATE, input={**fields, "showInGal": self.random.random() < 0.5})
        if "contact" in made["createContact"]:
            self.ids.append(made["createContact"]["contact"]["id"])

    async def update(self) -> None:
        for identifier in self.some(1):
            changes: dict[str, object] = {
                "showInGal": self.random.random() < 0.5,
                "aliases": [f"{self.random.randrange(200)}@alias.example"],
            }
            if self.random.random() < 0.3:
                changes["managerId"] = self.random.choice(self.ids)
            await self.graphql(UPDATE, input={"id": identifier, **changes})

    async def delete(self) -> None:
        await self.graphql(DELETE, ids=self.some(2))

    async def restore(self) -> None:
        for identifier in self.some(1):
            await self.graphql(RESTORE, id=identifier)

    async def members(self) -> None:
        field = self.random.choice(["addContactsToGroup", "removeContactsFromGroup"])
        await self.graphql(CHANGE % field, group=self.random.choice(self.groups), ids=self.some(5))

    async def list(self) -> None:
        answer = await self.graphql(LIST, search="ana", first=20)
        assert len({each["id"] for each in answer["contacts"]["nodes"]}) == len(answer["contacts"]["nodes"])


@pytest.mark.slow
async def test_many_clients_leave_everything_exact(service_url: str, db: Database) -> None:
    """After many clients have made changes of all kinds, all counts are exact."""
    limits = httpx.Limits(max_connections=CLIENTS)
    async with httpx.AsyncClient(base_url=service_url, limits=limits, timeout=waiting.SECONDS) as http:
        graphql = GraphQL(http)
        groups = [await group(graphql, name) for name in ("One", "Two", "Three")]
        ids: list[str] = []
        done: Counter[str] = Counter()
        until = time.monotonic() + SECONDS
        await asyncio.gather(*(Client(n, graphql, groups, ids, done).run(until) for n in range(CLIENTS)))
        answer = await graphql("{ contactStats { total } contacts(first: 500) { totalCount nodes { id } } }")
    await check(db)
    print(f"{done.total()} operations in {SECONDS:.0f} s: {dict(done)}")
    assert done.keys() == set(ACTIONS)
    assert 0 < answer["contactStats"]["total"] == answer["contacts"]["totalCount"] == len(answer["contacts"]["nodes"])
