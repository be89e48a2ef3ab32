"""The fast path answers exactly as graphql-core does, or leaves the operation to it."""

import gc
import weakref
from typing import Any

import pytest
from graphql import ExecutionResult, parse, validate
from graphql import execute as graphql_execute
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from resolvers import contacts, groups
from resolvers.caller import Caller
from resolvers.events import Feed
from schema.build import schema
from schema.context import Context
from schema.execution import documents, executor
from schema.execution.executor import Executable
from settings import Settings
from storage import keys
from storage.documents import Document, new_id, now
from storage.driver import Database
from tests.support.graphql import GraphQL
from tests.support.random_queries import queries

CORE = schema._schema
IDS = ["018f2b3c-0000-7000-8000-000000000001", "018f2b3c-0000-7000-8000-000000000002", "nobody"]
VARIABLES = {"no": False}


@pytest.fixture
async def context(db: Database, caller: Caller, sync_caller: Caller) -> Context:
    """A directory with some data of every kind."""
    boss = await contacts.create_contact(
        caller,
        {
            "displayName": "Ána Boss",
            "firstName": "Ána",
            "lastName": "Boss",
            "emailAddress": "ana@acme.example",
            "aliases": ["boss@acme.example"],
            "company": "Acme",
            "address": {"city": "Leiden"},
        },
    )
    for number in range(3):
        made = await contacts.create_contact(
            caller,
            {
                "displayName": f"Report {number}",
                "firstName": "Report",
                "lastName": str(number),
                "emailAddress": f"report{number}@acme.example",
                "managerId": boss["_id"],
            },
        )
        await contacts.update_contact(caller, made["_id"], {"notes": "changed", "company": "Acme"})
    group = await groups.create_group(caller, {"displayName": "Partners", "emailAddress": "partners@acme.example"})
    await groups.add_contacts(caller, group["_id"], [boss["_id"], made["_id"]])
    gone = await contacts.create_contact(
        caller,
        {"displayName": "Gone", "firstName": "G", "lastName": "One", "emailAddress": "gone@acme.example"},
    )
    await contacts.delete_contact(caller, gone["_id"])
    await store(db, IDS[0], source="SYNCED", onPremises=ON_PREMISES)
    return Context(caller, "request", Feed(db))


ON_PREMISES = {"objectGuid": "guid", "distinguishedName": "CN=x", "domain": "corp.example", "lastSyncAt": now()}


async def store(db: Database, identifier: str, **fields: object) -> None:
    """Insert a contact into the database without validation. Fields that are None are omitted."""
    contact: Document = {
        "_id": identifier,
        "displayName": "Stored",
        "emailAddress": f"{identifier}@stored.example",
        "source": "CLOUD",
        "gal": "VISIBLE",
        "version": 1,
        "createdAt": now(),
        "updatedAt": now(),
    }
    contact["keys"] = keys.keys(contact)
    stored = {name: value for name, value in (contact | fields).items() if value is not ...}
    await db.mongo["contacts"].insert_one(stored, bypass_document_validation=True)


async def both(query: str, context: Context) -> tuple[Any, Any]:
    """The answers of the fast path and of graphql-core."""
    executable = Executable(parse(query))
    fast = await executable.execute(None, VARIABLES, context)
    return formatted(fast), formatted(await executable.execute(None, VARIABLES, context, fast=False))


def formatted(result: ExecutionResult) -> Any:
    """The result as a client sees it, with sorted errors."""
    errors = sorted((error.formatted for error in result.errors or ()), key=str)
    return {"data": result.data, "errors": errors}


@given(query=queries(CORE, IDS))
@hypothesis_settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
async def test_same_answer(context: Context, query: str) -> None:
    """Random queries return the same data in the same order, and the same errors, on both paths."""
    assume(not validate(CORE, parse(query)))
    fast, slow = await both(query, context)
    assert fast == slow
    assert str(fast["data"]) == str(slow["data"])


DAMAGES: list[dict[str, object]] = [
    {"displayName": ...},
    {"displayName": None},
    {"displayName": 5},
    {"company": 5},
    {"company": ["a"]},
    {"source": "ELSEWHERE"},
    {"address": {"city": True}},
    {"address": None, "aliases": None},
    {"aliases": "one"},
    {"aliases": [None]},
    {"version": 2**40},
    {"updatedAt": "yesterday"},
    {"onPremises": {"objectGuid": "guid"}},
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
async def test_damaged_documents(db: Database, context: Context, damage: dict[str, object]) -> None:
    """A stored value that does not match its type results in graphql-core's error and path."""
    await store(db, IDS[1], **damage)
    query = """{ contacts { edges { cursor node { id displayName company source aliases version updatedAt
        address { city } onPremises { objectGuid domain } } } } }"""
    fast, slow = await both(query, context)
    assert fast == slow


UNDERSTOOD = {
    "a page": "{ contacts { edges { cursor node { id displayName } } nodes { id } pageInfo { endCursor } } }",
    "a count": "{ contacts { totalCount } }",
    "everything of a document": "{ contacts { nodes { __typename aliases editable createdAt address { city } gal } } }",
    "fragments": "{ contacts { nodes { ...A ... on Node { id } } } } fragment A on Contact { company }",
    "one contact": '{ contact(emailAddress: "ana@acme.example") { id displayName } }',
    "statistics": "{ contactStats { total synced } }",
    "managers and groups": "{ contacts { nodes { manager { id } groups(first: 2) { nodes { id } totalCount } } } }",
    "other resolvers": "{ contacts { nodes { history { nodes { id } } directReports { totalCount } } } }",
    "what is within the document": "{ contacts { nodes { onPremises { lastSyncAt nextSyncAt domain } } } }",
    "changes": "{ contacts { nodes { history { nodes { changes { field before } } } } } }",
    "what is within it, computed": "{ deletedContacts { nodes { contact { displayName manager { id } } } } }",
    "groups": "{ groups { nodes { id members(first: 1) { nodes { displayName } } } } }",
    "literals": "{ contacts(first: 3, filter: {ids: [1]}, orderBy: {field: COMPANY}) { totalCount nodes { id } } }",
    "variables": """query ($no: Boolean!, $source: ContactSource = CLOUD) {
        contacts(filter: {source: $source}) { nodes { id company @skip(if: $no) } } }""",
    "several lists": "{ a: contacts { totalCount } b: contacts { nodes { id } } deletedContacts { nodes { id } } }",
}


@pytest.mark.parametrize("query", UNDERSTOOD.values(), ids=UNDERSTOOD.keys())
async def test_understood(context: Context, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The most frequent queries are answered without graphql-core's executor."""
    monkeypatch.setattr(executor, "execute", None)
    result = await Executable(parse(query)).execute(None, VARIABLES, context)
    assert result.data
    assert not result.errors


async def test_conditions_have_plans_of_their_own(context: Context) -> None:
    """The variables of @skip and @include are evaluated in each request of a document."""
    query = "query ($yes: Boolean!) { contacts(first: 1) { nodes { id notes @include(if: $yes) } } }"
    executable = Executable(parse(query))
    for yes in (True, False, True):
        result = await executable.execute(None, {"yes": yes}, context)
        assert result.data
        assert ("notes" in result.data["contacts"]["nodes"][0]) is yes


SENT = st.fixed_dictionaries(
    {},
    optional={
        "first": st.sampled_from([1, 2, None, "1"]),
        "more": st.sampled_from([1, 2, None]),
        "yes": st.sampled_from([True, False, None]),
        "search": st.sampled_from(["report", "", None]),
        "group": st.sampled_from(["nobody", 1, None]),
        "order": st.none()
        | st.fixed_dictionaries(
            {"field": st.sampled_from(["COMPANY", "CREATED_AT"])},
            optional={"direction": st.sampled_from(["ASC", "DESC", None])},
        ),
        "filter": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "ids": st.sampled_from([IDS, IDS[:1], IDS[0], [1], [], None]),
                "source": st.sampled_from(["SYNCED", "CLOUD", None]),
                "company": st.sampled_from(["Acme", "x" * 3_000, None]),
            },
        ),
    },
)


def of_other_types(value: Any) -> Any:
    """Replace values with ones that are equal in Python but not in JSON: true for 1, 1 for true, 2.0 for 2."""
    match value:
        case dict():
            return {name: of_other_types(each) for name, each in value.items()}
        case list():
            return [of_other_types(each) for each in value]
        case bool():
            return int(value)
        case int():
            return value == 1 or float(value)
    return value


def without_nulls(value: Any) -> Any:
    """The same variables without those that are null."""
    if not isinstance(value, dict):
        return value
    return {name: without_nulls(each) for name, each in value.items() if each is not None}


@given(sent=st.lists(SENT, min_size=1, max_size=3))
@hypothesis_settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
async def test_variables_that_come_again(context: Context, sent: list[dict[str, Any]]) -> None:
    """A query uses its current variables, even if it was sent with similar ones before."""
    query = """query ($first: Int = 3, $filter: ContactFilter, $order: ContactOrder = {field: COMPANY}, $search: String,
        $group: ID, $more: Int = 2, $yes: Boolean! = true) {
        contacts(first: $first, filter: $filter, orderBy: $order, search: $search) {
            nodes { id company @include(if: $yes) history(first: $more) { nodes { id } } } }
        of: contacts(filter: {source: CLOUD, groupId: $group}) { totalCount } }"""
    executable = Executable(parse(query))
    for variables in [*sent, *map(of_other_types, sent), *map(without_nulls, sent), *sent]:
        fast = await executable.execute(None, variables, context)
        assert formatted(fast) == formatted(await executable.execute(None, variables, context, fast=False))


async def test_variables_that_are_changed_later(context: Context) -> None:
    """Variables are read when the request arrives; changing them later has no effect."""
    executable = Executable(parse("query ($filter: ContactFilter) { contacts(filter: $filter) { nodes { id } } }"))
    ids: list[str] = []
    for asked in (IDS[0], "nobody", IDS[0]):
        ids[:] = [asked]
        result = await executable.execute(None, {"filter": {"ids": ids}}, context)
        assert result.data == {"contacts": {"nodes": [{"id": each} for each in ids if each != "nobody"]}}


async def test_plans_are_bounded(context: Context) -> None:
    """A document with many conditions caches a bounded number of plans."""
    names = [f"c{number}" for number in range(6)]
    fields = " ".join(f"{name}: id @skip(if: ${name})" for name in names)
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    executable = Executable(parse(f"query ({declared}) {{ contacts(first: 1) {{ nodes {{ __typename {fields} }} }} }}"))
    for choice in range(64):
        await executable.execute(None, {name: bool(choice >> bit & 1) for bit, name in enumerate(names)}, context)
    (query,) = executable._queries.values()
    assert query is not None
    assert 0 < len(query._plans) <= 4


async def test_long_documents_are_not_kept(context: Context) -> None:
    """The plans of a long document are freed with it."""
    executable = Executable(parse("{ contactStats { total } } #" + 3_000 * "x"))
    assert (await executable.execute(None, {}, context)).data
    query = weakref.ref(executable._query(None))
    assert query() is not None
    del executable
    gc.collect()
    assert query() is None


async def test_unknown_operation_names_are_not_kept(context: Context) -> None:
    """Unknown operation names take no memory, and are rejected with graphql-core's error."""
    executable = Executable(parse("query A { contactStats { total } } query B { contactStats { total } }"))
    for _ in range(3):
        result = await executable.execute(new_id(), {}, context)
        assert result.errors
    assert not executable._queries


def test_parsed_documents_are_bounded() -> None:
    """The cache of documents is bounded by the total length of their texts."""
    cache = documents.Cache(1_000, lambda query: documents.Invalid([]))
    for number in range(100):
        cache.get(f"{{ contactStats {{ a{number}: total }} }}")
    latest = "{ contactStats { a99: total } }"
    assert sum(map(len, cache._documents)) <= 1_000
    assert cache.get(latest) is cache.get(latest)


async def test_tests_take_their_path(graphql: GraphQL, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that run twice, with the fast path and without, really do, whatever ran before them."""
    paths = []

    def execute(*arguments: Any, **more: Any) -> Any:
        paths.append("graphql_core")
        return graphql_execute(*arguments, **more)

    monkeypatch.setattr(executor, "execute", execute)
    assert await graphql("{ contactStats { total } }")
    assert paths == ([] if settings.fast_path == "on" else ["graphql_core"])
