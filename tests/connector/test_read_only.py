"""Only the sync changes synced contacts: tries everything else on them, in any order, during runs."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app import create_app
from storage import migrations
from storage.changes import Author
from storage.documents import Document, new_id
from storage.driver import connect
from tests.support.ad.provision import CONTACTS_DN
from tests.support.consistency import check
from tests.support.environment import DRIVER
from tests.support.syncing import Syncing, own

if TYPE_CHECKING:
    from tests.support.ad.controller import Controller

pytestmark = [pytest.mark.ad, pytest.mark.slow]

NAMES = ("Ann", "Bo", "Cy", "Di")
# Ed is sometimes deleted and undeleted in Active Directory.
ED, TEAM = "Ed", "Team"
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
HEADER = "DisplayName,EmailAddress,FirstName,LastName,Company,JobTitle,BusinessPhone,Manager,Groups"
GRAPHQL = {
    "update": "mutation ($input: UpdateContactInput!) { updateContact(input: $input) { __typename } }",
    "delete": "mutation ($id: ID!) { deleteContact(id: $id) { __typename } }",
    "delete many": "mutation ($id: ID!) { deleteContacts(ids: [$id]) { __typename } }",
    "restore": "mutation ($id: ID!) { restoreContact(id: $id) { __typename } }",
    "import": "mutation ($new: CreateContactInput!) { importContacts(input: {source: {contacts: [$new]}, "
    "onMatch: UPDATE}) { __typename } }",
    "import text": "mutation ($text: String!) { importContacts(input: {source: {text: $text}, onMatch: UPDATE}) "
    "{ __typename } }",
    "create": "mutation ($new: CreateContactInput!) { createContact(input: $new) { __typename } }",
    "undo an import": "mutation ($import: ID!) { undoImport(id: $import) { __typename } }",
    "cancel an import": "mutation ($import: ID!) { cancelImport(id: $import) { __typename } }",
    "update its group": 'mutation ($group: ID!) { updateGroup(input: {id: $group, displayName: "Evil"}) '
    "{ __typename } }",
    "delete its group": "mutation ($group: ID!) { deleteGroup(id: $group) { __typename } }",
    "out of its group": "mutation ($group: ID!, $id: ID!) { removeContactsFromGroup(groupId: $group, "
    "contactIds: [$id]) { __typename } }",
    "into a synced group": "mutation ($group: ID!, $id: ID!) { addContactsToGroup(groupId: $group, "
    "contactIds: [$id]) { __typename } }",
}
IMPORT = (
    "mutation ($text: String!) { importContacts(input: {source: {text: $text}, onMatch: UPDATE}) { "
    "... on ImportContactsSuccess { contactImport { id } } } }"
)
HAND_OVER = "mutation ($id: ID!) { makeCloudOnly(ids: [$id]) { ... on MakeCloudOnlySuccess { contacts { source } } } }"
REST = ("put", "delete", "post", "csv", "json")

ids = st.sampled_from(NAMES)
fields = st.dictionaries(st.sampled_from(sorted(VALUES)), st.just(None), min_size=1, max_size=3).map(
    lambda chosen: {name: VALUES[name] for name in chosen}
)


class Attempts(RuleBasedStateMachine):
    """A service, its directory, and a user who tries everything."""

    controller: "Controller"
    uri: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.before: dict[str, Document] = {}
        self.known: dict[str, Document] = {}
        self.group, self.import_id = "", ""
        self.turns = 0

    def run(self, work: Any) -> Any:  # any coroutine and its result
        """Run this in the machine's event loop."""
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        """Start a service on an empty database, and sync."""
        self.run(self._begin())

    async def _begin(self) -> None:
        db = connect(self.uri, f"test-{new_id()}", DRIVER)
        await migrations.prepare(db)
        self.stack.push_async_callback(db.close)
        self.stack.push_async_callback(db.drop)
        self.syncing = Syncing.with_settings(self.controller, db)
        service = self.syncing.settings.model_copy(
            update={"mongodb_uri": self.uri, "database": db.mongo.name, "driver": DRIVER, "ad_urls": ()}
        )
        app = create_app(service)
        state = await self.stack.enter_async_context(app.router.lifespan_context(app))

        async def with_state(scope: Any, receive: Any, send: Any) -> None:  # as uvicorn does with lifespan state
            await app({**scope, "state": dict(state or {})}, receive, send)

        client = httpx.AsyncClient(transport=httpx.ASGITransport(with_state), base_url="http://127.0.0.1:8000")
        self.client = await self.stack.enter_async_context(client)
        await self._cycle()
        group = await db.groups.find_one({})
        assert group is not None
        self.group = group["_id"]
        answer = await self._asked(IMPORT, {"text": self._rows(await self.syncing.contact("Ann"))})
        self.import_id = answer["importContacts"]["contactImport"]["id"]
        await self._assert_unchanged()

    def teardown(self) -> None:
        """Stop the service and drop its database. The next example uses the same domain controller."""
        if self.known and ED not in self.before:
            with self.controller.administrator() as admin:
                admin.add_contact(ED)
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
        """Attempts during a run change nothing; the run writes the changes from Active Directory."""
        self.turns += 1
        title = f"Title {self.turns}"
        with self.controller.administrator() as admin:
            admin.set(f"CN={changed},{CONTACTS_DN}", title=title)
        expected = {key: dict(value) for key, value in self.before.items()}
        expected[changed]["jobTitle"] = title
        self.run(self._beside_a_cycle(self._graphql(name, graphql, given), self._rest(name, rest, given)))
        assert self.before == expected

    @rule(graphql=st.sampled_from(sorted(GRAPHQL)), rest=st.sampled_from(REST), given=fields)
    def while_one_is_deleted_or_returns(self, graphql: str, rest: str, given: dict[str, object]) -> None:
        """Attempts on a contact during a run that deletes or restores it do not affect the result."""
        contact, dn = self.known[ED], f"CN={ED},{CONTACTS_DN}"
        with self.controller.administrator() as admin:
            if gone := ED in self.before:
                admin.delete(dn)
            else:
                admin.undelete(contact["onPremises"]["objectGuid"], dn)
                admin.set(dn, mail="ed@example.test")
        attempts = self._graphql(ED, graphql, given), self._graphql(ED, "restore", given), self._rest(ED, rest, given)
        self.run(self._beside_a_cycle(*attempts))
        assert (ED in self.before) is not gone
        self.run(self._graphql(ED, "restore", given))  # in the recycle bin, or nothing to restore
        self.run(self._assert_unchanged())

    @rule(graphql=st.sampled_from(sorted(GRAPHQL)), given=fields)
    def while_one_is_handed_over(self, graphql: str, given: dict[str, object]) -> None:
        """A contact made cloud-only during a run is a cloud contact, and later runs do not change it."""
        self.turns += 1
        name = f"Flo {self.turns}"
        with self.controller.administrator() as admin:
            guid = admin.add_contact(name)
        self.run(self._cycle())
        identifier = self.known[name]["_id"]
        with self.controller.administrator() as admin:
            admin.set(f"CN={name},{CONTACTS_DN}", title="Buyer")
        handing = self._asked(HAND_OVER, {"id": identifier})
        self.run(self._beside_a_cycle(handing, self._graphql("Ann", graphql, given)))
        with self.controller.administrator() as admin:
            admin.set(f"CN={name},{CONTACTS_DN}", title="Director", mail=f"{guid}@example.test")
        self.run(self._cycle())
        self.run(self._assert_handed_over(identifier, name))
        with self.controller.administrator() as admin:  # the next example uses the same domain controller
            admin.delete(f"CN={name},{CONTACTS_DN}")

    @rule(name=ids)
    def into_a_group(self, name: str) -> None:
        """A synced contact can become a member of a cloud group, because the membership belongs to the group."""
        self.run(self._into_a_group(name))
        self.run(self._assert_unchanged())

    @invariant()
    def history_knows_only_the_sync(self) -> None:
        """All recorded changes of synced contacts came through the sync."""
        if self.before:
            self.run(self._check_history())

    async def _beside_a_cycle(self, *attempts: Coroutine[Any, Any, Any]) -> None:
        await asyncio.gather(self._cycle(), *attempts)

    async def _graphql(self, name: str, attempt: str, given: dict[str, object]) -> None:
        contact = self.known[name]
        new = {"displayName": "X", "firstName": "X", "lastName": "X", "emailAddress": contact["emailAddress"]}
        variables = {
            "id": contact["_id"],
            "input": {"id": contact["_id"], **given},
            "new": new,
            "text": self._rows(contact),
            "group": self.group,
            "import": self.import_id,
        }
        # A deleted contact holds no address, so a new contact with his address is not an attempt on him.
        if name == ED and attempt in ("create", "import", "import text"):
            return
        query = GRAPHQL[attempt]
        await self._asked(query, {key: value for key, value in variables.items() if f"${key}:" in query})

    async def _asked(self, query: str, variables: Document) -> Document:
        body = (await self.client.post("/graphql", json={"query": query, "variables": variables})).json()
        assert body.get("data"), body  # the attempt was valid
        data: Document = body["data"]
        return data

    def _rows(self, contact: Document) -> str:
        """A file that would change this contact, its manager and groups, and add a cloud contact to a synced group."""
        return (
            f"{HEADER}\nMallory,{contact['emailAddress']},M,M,Evil,Evil,,cy@example.test,{TEAM}\n"
            f"Una Cloud,una@example.test,Una,Cloud,,,,{contact['emailAddress']},{TEAM}\n"
        )

    async def _rest(self, name: str, attempt: str, given: dict[str, object]) -> None:
        if name == ED and attempt in ("post", "csv", "json"):
            return
        contact = self.known[name]
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
                content, headers = self._rows(contact), {"Content-Type": "text/csv"}
                answer = await self.client.post(f"{path}/bulk", params=bulk, content=content, headers=headers)
            case _:
                answer = await self.client.post(f"{path}/bulk", params=bulk, json={"contacts": [row]})
        assert answer.status_code in (200, *((404,) if name == ED else ()), 409, 422), answer.text

    async def _into_a_group(self, name: str) -> None:
        from resolvers import groups
        from resolvers.caller import Caller, Role

        caller = Caller(self.syncing.db, Author("tester", "graphql"), Role.ADMIN)
        address = f"{new_id()}@example.test"
        group = await groups.create_group(caller, {"displayName": "G", "emailAddress": address})
        await groups.add_contacts(caller, group["_id"], [(await self.syncing.contact(name))["_id"]])

    async def _cycle(self) -> None:
        await self.syncing.succeed()
        self.before = await self._present()
        self.known |= {each["displayName"]: each async for each in self.syncing.db.contacts.find({"source": "SYNCED"})}

    async def _present(self) -> dict[str, Document]:
        """The synced contacts and groups by name, with memberships in synced groups only."""
        groups = [each async for each in self.syncing.db.groups.find({"source": "SYNCED"})]
        ids = {each["_id"] for each in groups}
        found = [each async for each in self.syncing.db.contacts.find({"source": "SYNCED"})]
        return {
            **{each["displayName"]: own(each) for each in groups},
            **{
                each["displayName"]: {**own(each), "groupIds": sorted(ids & set(each.get("groupIds", ())))}
                for each in found
            },
        }

    async def _assert_unchanged(self) -> None:
        assert await self._present() == self.before
        assert set(self.before) - {ED} == {*NAMES, TEAM}
        await check(self.syncing.db)

    async def _assert_handed_over(self, identifier: str, name: str) -> None:
        await self._assert_unchanged()
        contact = await self.syncing.db.contacts.find_one({"_id": identifier})
        assert contact is not None
        assert (contact["displayName"], contact["source"], contact.get("jobTitle")) in {
            (name, "CLOUD", None),
            (name, "CLOUD", "Buyer"),
        }
        assert (await self.syncing.changes(identifier))[-1] == ("HANDED_OVER", "graphql")

    async def _check_history(self) -> None:
        synced = [each["_id"] async for each in self.syncing.db.contacts.find({"source": "SYNCED"}, ["_id"])]
        others = {"contactId": {"$in": synced}, "through": {"$ne": "sync"}}
        assert await self.syncing.db.history.count_documents(others) == 0


@pytest.fixture
def machine(controller: "Controller", mongodb_uri: str) -> type[Attempts]:
    """A test machine for a domain controller with four contacts."""
    with controller.administrator() as admin:
        for name in NAMES:
            admin.add_contact(name, givenName=name, mobile="+47 912 34 567")
        admin.set(f"CN=Bo,{CONTACTS_DN}", manager=f"CN=Ann,{CONTACTS_DN}")
        admin.add_contact(ED)
        admin.add_group(TEAM, [f"CN={name},{CONTACTS_DN}" for name in ("Ann", "Bo", ED)])

    class Machine(Attempts):
        pass

    Machine.controller, Machine.uri = controller, mongodb_uri
    return Machine


def test_only_the_sync_changes_synced_contacts(machine: type[Attempts]) -> None:
    """Mutations, REST calls, imports and bulk operations do not change synced contacts."""
    run_state_machine_as_test(
        machine,
        settings=hypothesis_settings(
            max_examples=6,
            stateful_step_count=12,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],  # each example uses real servers, so shrinking would take too long
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
