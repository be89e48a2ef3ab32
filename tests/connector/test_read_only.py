"""Nothing but the sync changes a synced contact: everything else is tried on them, in any order, while cycles run."""

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app import create_app
from storage import schema
from storage.changes import Author
from storage.documents import Document, new_id
from storage.driver import connect
from tests.ad.provision import CONTACTS_DN
from tests.conftest import DRIVER
from tests.connector.syncing import Syncing, own
from tests.consistency import check

if TYPE_CHECKING:
    from tests.ad.controller import Controller

pytestmark = [pytest.mark.ad, pytest.mark.slow]

NAMES = ("Ann", "Bo", "Cy", "Di")
VALUES: dict[str, object] = {
    "displayName": "Mallory",
    "firstName": "Mallory",
    "lastName": None,
    "emailAddress": "mallory@example.test",
    "aliases": ["m@example.test"],
    "company": "Evil",
    "department": "Evil",
    "jobTitle": "Evil",
    "businessPhone": "+4722123456",
    "mobilePhone": None,
    "address": {"city": "Evil"},
    "managerId": None,
    "notes": "Evil",
    "showInGal": False,
}
HEADER = "DisplayName,EmailAddress,FirstName,LastName,Company,JobTitle,BusinessPhone"
GRAPHQL = {
    "update": "mutation ($input: UpdateContactInput!) { updateContact(input: $input) { __typename } }",
    "delete": "mutation ($id: ID!) { deleteContact(id: $id) { __typename } }",
    "delete many": "mutation ($id: ID!) { deleteContacts(ids: [$id]) { __typename } }",
    "restore": "mutation ($id: ID!) { restoreContact(id: $id) { __typename } }",
    "import": "mutation ($new: CreateContactInput!) { importContacts(input: {source: {contacts: [$new]}, "
    "onMatch: UPDATE}) { __typename } }",
    "create": "mutation ($new: CreateContactInput!) { createContact(input: $new) { __typename } }",
}
REST = ("put", "delete", "post", "csv", "json")

ids = st.sampled_from(NAMES)
fields = st.dictionaries(st.sampled_from(sorted(VALUES)), st.just(None), min_size=1, max_size=3).map(
    lambda chosen: {name: VALUES[name] for name in chosen}
)


class Attempts(RuleBasedStateMachine):
    """A service, its directory, and somebody who tries everything."""

    controller: "Controller"
    uri: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.before: dict[str, Document] = {}
        self.turns = 0

    def run(self, work: Any) -> Any:  # a coroutine, and what it gives
        """Do this in the machine's own event loop."""
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        """Start a service on an empty database, and sync."""
        self.run(self._begin())

    async def _begin(self) -> None:
        db = connect(self.uri, f"test-{new_id()}", DRIVER)
        await schema.prepare(db)
        self.stack.push_async_callback(db.close)
        self.stack.push_async_callback(db.drop)
        self.syncing = Syncing.with_settings(self.controller, db)
        service = self.syncing.settings.model_copy(
            update={"mongodb_uri": self.uri, "database": db.mongo.name, "driver": DRIVER, "ad_urls": ()}
        )
        app = create_app(service)
        state = await self.stack.enter_async_context(app.router.lifespan_context(app))

        async def with_state(scope: Any, receive: Any, send: Any) -> None:  # what uvicorn does with lifespan state
            await app({**scope, "state": dict(state or {})}, receive, send)

        client = httpx.AsyncClient(transport=httpx.ASGITransport(with_state), base_url="http://127.0.0.1:8000")
        self.client = await self.stack.enter_async_context(client)
        await self._cycle()

    def teardown(self) -> None:
        """Stop the service and drop its database."""
        self.run(self.stack.aclose())
        self.runner.close()

    @rule(name=ids, attempt=st.sampled_from(sorted(GRAPHQL)), given=fields)
    def by_graphql(self, name: str, attempt: str, given: dict[str, object]) -> None:
        """A mutation changes nothing."""
        self.run(self._graphql(name, attempt, given))
        self.run(self._assert_unchanged())

    @rule(name=ids, attempt=st.sampled_from(REST), given=fields)
    def by_rest(self, name: str, attempt: str, given: dict[str, object]) -> None:
        """A REST call or an import changes nothing."""
        self.run(self._rest(name, attempt, given))
        self.run(self._assert_unchanged())

    @rule(
        name=ids,
        graphql=st.sampled_from(sorted(GRAPHQL)),
        rest=st.sampled_from(REST),
        given=fields,
        changed=ids,
    )
    def while_a_cycle_runs(self, name: str, graphql: str, rest: str, given: dict[str, object], changed: str) -> None:
        """Attempts beside a cycle change nothing; the cycle changes what changed in Active Directory."""
        self.turns += 1
        title = f"Title {self.turns}"
        with self.controller.administrator() as admin:
            admin.set(f"CN={changed},{CONTACTS_DN}", title=title)
        expected = {key: dict(value) for key, value in self.before.items()}
        expected[changed]["jobTitle"] = title

        async def at_once() -> None:
            await asyncio.gather(self._cycle(), self._graphql(name, graphql, given), self._rest(name, rest, given))

        self.run(at_once())
        assert self.before == expected

    @rule(name=ids)
    def into_a_group(self, name: str) -> None:
        """A synced contact may become a member of a cloud group: that is the group's."""
        self.run(self._into_a_group(name))
        self.run(self._assert_unchanged())

    @invariant()
    def history_knows_only_the_sync(self) -> None:
        """No recorded change of a synced contact came through anything else."""
        if self.before:
            self.run(self._check_history())

    async def _graphql(self, name: str, attempt: str, given: dict[str, object]) -> None:
        contact = await self.syncing.contact(name)
        new = {"displayName": "X", "firstName": "X", "lastName": "X", "emailAddress": contact["emailAddress"]}
        variables = {"id": contact["_id"], "input": {"id": contact["_id"], **given}, "new": new}
        query = GRAPHQL[attempt]
        used = {key: value for key, value in variables.items() if f"${key}:" in query}
        body = (await self.client.post("/graphql", json={"query": query, "variables": used})).json()
        assert body.get("data"), body  # the attempt was understood

    async def _rest(self, name: str, attempt: str, given: dict[str, object]) -> None:
        contact = await self.syncing.contact(name)
        path, address = "/api/identity/contacts", contact["emailAddress"]
        row = {"displayName": "X", "firstName": "X", "lastName": "X", "emailAddress": address}
        bulk = {"onMatch": "update"}
        match attempt:
            case "put":
                answer = await self.client.put(f"{path}/{contact['_id']}", json=given)
            case "delete":
                answer = await self.client.delete(f"{path}/{contact['_id']}")
            case "post":
                answer = await self.client.post(path, json=row)
            case "csv":
                content = f"{HEADER}\nMallory,{address},M,M,Evil,Evil,\n"
                headers = {"Content-Type": "text/csv"}
                answer = await self.client.post(f"{path}/bulk", params=bulk, content=content, headers=headers)
            case _:
                answer = await self.client.post(f"{path}/bulk", params=bulk, json={"contacts": [row]})
        assert answer.status_code in (200, 409, 422), answer.text

    async def _into_a_group(self, name: str) -> None:
        from resolvers import groups
        from resolvers.directory import Directory

        directory = Directory(self.syncing.db, Author("tester", "graphql"))
        address = f"{new_id()}@example.test"
        group = await groups.create_group(directory, {"displayName": "G", "emailAddress": address})
        await groups.add_contacts(directory, group["_id"], [(await self.syncing.contact(name))["_id"]])

    async def _cycle(self) -> None:
        await self.syncing.succeed()
        self.before = await self._present()

    async def _present(self) -> dict[str, Document]:
        """The synced contacts by name, groups aside."""
        found = [each async for each in self.syncing.db.contacts.find({"source": "SYNCED"})]
        return {each["displayName"]: {k: v for k, v in own(each).items() if k != "groupIds"} for each in found}

    async def _assert_unchanged(self) -> None:
        assert await self._present() == self.before
        assert set(self.before) == set(NAMES)
        await check(self.syncing.db)

    async def _check_history(self) -> None:
        synced = [each["_id"] async for each in self.syncing.db.contacts.find({"source": "SYNCED"}, ["_id"])]
        others = {"contactId": {"$in": synced}, "through": {"$ne": "sync"}}
        assert await self.syncing.db.history.count_documents(others) == 0


@pytest.fixture
def machine(controller: "Controller", mongodb_uri: str) -> type[Attempts]:
    """The machine for a domain controller with four contacts."""
    with controller.administrator() as admin:
        for name in NAMES:
            admin.add_contact(name, givenName=name, mobile="+47 912 34 567")
        admin.set(f"CN=Bo,{CONTACTS_DN}", manager=f"CN=Ann,{CONTACTS_DN}")

    class Machine(Attempts):
        pass

    Machine.controller, Machine.uri = controller, mongodb_uri
    return Machine


def test_only_the_sync_changes_synced_contacts(machine: type[Attempts]) -> None:
    """Mutations, REST calls, imports and bulk operations leave synced contacts as Active Directory has them."""
    run_state_machine_as_test(
        machine,
        settings=hypothesis_settings(
            max_examples=6,
            stateful_step_count=12,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],  # each example talks to real servers: shrinking would take long
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
