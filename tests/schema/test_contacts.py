"""Contacts through GraphQL, as a frontend developer uses them."""

from typing import Any

from resolvers import mastery as states
from resolvers.caller import Caller
from storage.documents import now
from storage.driver import Database
from storage.sync import state
from tests.support.graphql import GraphQL
from tests.support.operations import CREATE, UPDATE, create
from tests.support.people import directory_contact, person, synced
from tests.support.queries import counted


async def update(graphql: GraphQL, identifier: str, **fields: object) -> Any:
    """The result of an update."""
    return (await graphql(UPDATE, input={"id": identifier, **fields}))["updateContact"]


async def test_every_field_is_read_back(graphql: GraphQL) -> None:
    """A contact has the values it was created with."""
    boss = await create(graphql, "Big Boss")
    fields: dict[str, object] = {
        "company": "Acme",
        "jobTitle": "Buyer",
        "department": "IT",
        "businessPhone": "020 7946 0000",
        "mobilePhone": "+44 7700 900123",
        "notes": "a\nb",
        "aliases": ["second@partner.example"],
        "address": {"street": "1 High St", "city": "Leeds", "state": "WY", "country": "GB", "postalCode": "LS1"},
    }
    identifier = await create(graphql, "Ana Silva", **fields, managerId=boss, showInGal=False)
    read = await graphql(
        """query($id: ID!) { contact(id: $id) { id displayName firstName lastName emailAddress aliases company jobTitle
        department businessPhone businessPhoneE164 mobilePhone mobilePhoneE164 notes source gal editable version
        createdAt updatedAt onPremises { domain } manager { id directReports { nodes { id } totalCount } }
        address { street city state country postalCode } groups { totalCount } } }""",
        id=identifier,
    )
    contact = read["contact"]
    assert contact | fields | person() == contact
    assert (contact["businessPhoneE164"], contact["mobilePhoneE164"]) == ("+442079460000", "+447700900123")
    assert (contact["source"], contact["gal"], contact["editable"]) == ("CLOUD", "HIDDEN", True)
    assert contact["manager"] == {"id": boss, "directReports": {"nodes": [{"id": identifier}], "totalCount": 1}}
    assert (contact["onPremises"], contact["groups"]["totalCount"], contact["version"]) == (None, 0, 1)
    assert contact["createdAt"].endswith("Z")


async def test_create_refusals(graphql: GraphQL) -> None:
    """Each refusal is data and says what to do."""
    held = await create(graphql)
    taken = (await graphql(CREATE, input=person()))["createContact"]
    assert taken["__typename"] == "EmailAddressTaken"
    assert taken["holder"] == {"__typename": "Contact", "id": held, "displayName": "Ana Silva"}
    invalid = (await graphql(CREATE, input=person("Bo Li", emailAddress="x", firstName=" ")))["createContact"]
    assert {each["field"]: each["code"] for each in invalid["fields"]} == {
        "emailAddress": "SYNTAX",
        "firstName": "REQUIRED",
    }
    unknown = (await graphql(CREATE, input=person("Bo Li", managerId="x")))["createContact"]
    assert (unknown["__typename"], unknown["id"], unknown["field"]) == ("NotFound", "x", "managerId")
    assert unknown["message"] == (
        "managerId: There is no contact with the ID 'x'. Choose another manager or omit the field."
    )


async def test_absent_is_untouched_and_null_clears(graphql: GraphQL) -> None:
    """In an update, omitted fields keep their values; null clears a field."""
    identifier = await create(
        graphql, company="Acme", aliases=["b@c.example"], address={"street": "1", "city": "Leeds"}
    )
    after = await update(graphql, identifier, company=None, address={"street": None})
    assert after["contact"] == {
        "id": identifier,
        "displayName": "Ana Silva",
        "version": 2,
        "company": None,
        "aliases": ["b@c.example"],
        "gal": "VISIBLE",
        "address": {"street": None, "city": "Leeds"},
    }
    assert (await update(graphql, identifier, displayName=None))["__typename"] == "InvalidInput"


async def test_synced_contact_is_read_only_before_all(graphql: GraphQL, sync_caller: Caller) -> None:
    """An invalid update of a synced contact gets the main problem: that it is read-only."""
    contact = await synced(sync_caller)
    answer = await update(graphql, contact["_id"], displayName=" ", emailAddress="no", notes="x" * 20_000)
    assert (answer["__typename"], answer["code"]) == ("ContactReadOnly", "CONTACT_READ_ONLY")


async def test_update_refusals(graphql: GraphQL, sync_caller: Caller) -> None:
    """A stale version, a synced contact, a cycle and an unknown ID are refused as data."""
    identifier = await create(graphql)
    stale = await update(graphql, identifier, expectedVersion=9, notes="x")
    assert (stale["__typename"], stale["current"]) == ("VersionConflict", {"id": identifier, "version": 1})
    cycle = await update(graphql, identifier, managerId=identifier)
    assert [each["id"] for each in cycle["chain"]] == [identifier, identifier]
    missing = await update(graphql, "x")
    assert (missing["__typename"], missing["id"], missing["field"]) == ("NotFound", "x", None)
    contact = await synced(sync_caller)
    locked = await update(graphql, contact["_id"], notes="x")
    assert locked["contact"]["onPremises"]["distinguishedName"] == contact["onPremises"]["distinguishedName"]


async def test_sync_times_are_the_domains(graphql: GraphQL, sync_caller: Caller, db: Database) -> None:
    """A synced contact, and the refusal to change it, contain the last and next sync of its domain."""
    contact = await synced(sync_caller)
    at = now()
    await state.completed(db, "corp.example", "dc1.corp.example", at, at)
    read = await graphql("{ contacts { nodes { source editable onPremises { objectGuid lastSyncAt nextSyncAt } } } }")
    (node,) = read["contacts"]["nodes"]
    assert (node["source"], node["editable"]) == ("SYNCED", False)
    assert node["onPremises"]["lastSyncAt"] == node["onPremises"]["nextSyncAt"]
    assert states.last_sync_at(contact["onPremises"], await states.read(sync_caller)) == at
    assert "dc1.corp.example" in (await update(graphql, contact["_id"], notes="x"))["message"]


async def test_delete_and_restore(graphql: GraphQL) -> None:
    """A deleted contact is in the recycle bin, and is restored unchanged."""
    identifier = await create(graphql)
    delete = "mutation($id: ID!) { deleteContact(id: $id) { __typename ... on DeleteContactSuccess { id } } }"
    assert (await graphql(delete, id=identifier))["deleteContact"]["id"] == identifier
    assert (await graphql(delete, id=identifier))["deleteContact"]["__typename"] == "NotFound"
    bin_ = await graphql(
        "{ deletedContacts { totalCount nodes { id deletedBy deletedAt purgeAt contact { displayName } } } }"
    )
    assert bin_["deletedContacts"]["nodes"][0]["contact"] == {"displayName": "Ana Silva"}
    restore = "mutation($id: ID!) { restoreContact(id: $id) { ... on RestoreContactSuccess { contact { version } } } }"
    assert (await graphql(restore, id=identifier))["restoreContact"]["contact"]["version"] == 2


async def test_delete_many(graphql: GraphQL) -> None:
    """Several contacts are deleted at once, and each refusal is reported."""
    ids = [await create(graphql, f"Ana {x}") for x in "ab"]
    done = await graphql(
        """mutation($ids: [ID!]!) { deleteContacts(ids: $ids) { ... on DeleteContactsSuccess {
        deletedIds refusals { id problem { code } } } } }""",
        ids=[*ids, "x"],
    )
    assert done["deleteContacts"] == {"deletedIds": ids, "refusals": [{"id": "x", "problem": {"code": "NOT_FOUND"}}]}


async def test_history(graphql: GraphQL) -> None:
    """Every change is listed with its author, channel and fields."""
    identifier = await create(graphql)
    await update(graphql, identifier, company="Acme")
    read = await graphql(
        """query($id: ID!) { contact(id: $id) { history(first: 1) { totalCount pageInfo { hasNextPage }
        nodes { action by through version changes { field before after } } } } }""",
        id=identifier,
    )
    assert read["contact"]["history"] == {
        "totalCount": 2,
        "pageInfo": {"hasNextPage": True},
        "nodes": [
            {
                "action": "UPDATED",
                "by": "local user",
                "through": "graphql",
                "version": 2,
                "changes": [{"field": "company", "before": None, "after": "Acme"}],
            }
        ],
    }


async def test_history_names_fields_as_described(graphql: GraphQL, sync_caller: Caller) -> None:
    """The fields in the history are those of `Contact`, except for the manager, who is given by ID."""
    boss = await create(graphql, "Big Boss")
    every: dict[str, object] = {
        "aliases": ["second@partner.example"],
        "address": {"city": "Leeds"},
        "businessPhone": "+44 7700 900123",
        "notes": "x",
        "managerId": boss,
    }
    query = """query($id: ID!) { contact(id: $id) { history { nodes { changes { field after } } } }
    __type(name: "Contact") { fields { name } } }"""
    for identifier in (await create(graphql, "Ana Silva", **every), (await synced(sync_caller))["_id"]):
        read = await graphql(query, id=identifier)
        changes = {each["field"]: each["after"] for each in read["contact"]["history"]["nodes"][0]["changes"]}
        assert changes.pop("managerId", boss) == boss
        assert changes.keys() <= {each["name"] for each in read["__type"]["fields"]}


async def test_statistics_are_exact_after_every_write(graphql: GraphQL, sync_caller: Caller) -> None:
    """The dashboard includes a write as soon as the mutation returns."""

    async def stats() -> Any:
        return (await graphql("{ contactStats { total synced cloudOnly hiddenFromGal } }"))["contactStats"]

    identifier = await create(graphql, showInGal=False)
    assert await stats() == {"total": 1, "synced": 0, "cloudOnly": 1, "hiddenFromGal": 1}
    await update(graphql, identifier, showInGal=True)
    await synced(sync_caller)
    assert await stats() == {"total": 2, "synced": 1, "cloudOnly": 1, "hiddenFromGal": 0}


async def test_list_with_everything(graphql: GraphQL) -> None:
    """Filter, search, ordering and paging can be combined."""
    for name in ("Ana A", "Ana B", "Ana C", "Bo D"):
        await create(graphql, name, company="Acme")
    query = """query($after: String) { contacts(filter: {company: "ACME", source: CLOUD}, search: "ana",
      orderBy: {field: DISPLAY_NAME, direction: DESC}, first: 2, after: $after) {
      totalCount edges { cursor node { displayName } } pageInfo { hasNextPage hasPreviousPage endCursor } } }"""
    first = (await graphql(query))["contacts"]
    assert [each["node"]["displayName"] for each in first["edges"]] == ["Ana C", "Ana B"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    assert first["edges"][-1]["cursor"] == first["pageInfo"]["endCursor"]
    second = (await graphql(query, after=first["pageInfo"]["endCursor"]))["contacts"]
    assert [each["node"]["displayName"] for each in second["edges"]] == ["Ana A"]
    assert second["pageInfo"] | {"hasNextPage": False, "hasPreviousPage": True} == second["pageInfo"]


async def test_bad_pages_are_request_errors(graphql: GraphQL) -> None:
    """A cursor of another list or ordering, and an invalid page size, are errors."""
    await create(graphql)
    end = (await graphql("{ contacts { pageInfo { endCursor } } }"))["contacts"]["pageInfo"]["endCursor"]
    other = "query($after: String) { contacts(orderBy: {field: COMPANY}, after: $after) { nodes { id } } }"
    assert "not a cursor of this list" in await graphql.error(other, after=end)
    assert "not a cursor of this list" in await graphql.error('{ groups(after: "x") { nodes { id } } }')
    assert "0 to 500" in await graphql.error("{ contacts(first: 501) { nodes { id } } }")
    assert "not both" in await graphql.error("{ contacts(first: 1, last: 1) { nodes { id } } }")
    assert "either id or emailAddress" in await graphql.error("{ contact { id } }")


async def test_nodes(graphql: GraphQL) -> None:
    """Contacts and groups are found by ID alone, in the given order."""
    contact = await create(graphql)
    group = await graphql(
        'mutation { createGroup(input: {displayName: "G", emailAddress: "g@us.example"}) '
        "{ ... on CreateGroupSuccess { group { id } } } }"
    )
    identifier = group["createGroup"]["group"]["id"]
    read = await graphql(
        "query($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { __typename id } "
        "node(id: $id) { ... on Contact { displayName } } }",
        ids=[identifier, "x", contact],
        id=contact,
    )
    assert read["nodes"] == [
        {"__typename": "DistributionGroup", "id": identifier},
        None,
        {"__typename": "Contact", "id": contact},
    ]
    assert read["node"] == {"displayName": "Ana Silva"}


async def test_page_with_managers_and_groups_costs_few_queries(graphql: GraphQL, sync_caller: Caller) -> None:
    """A page takes three queries for its contacts, managers and groups, however long it is."""
    from resolvers import groups
    from resolvers.sync.contacts import apply

    boss = directory_contact("Big Boss")
    reports = [directory_contact(f"Ana {n}", manager_guid=boss.object_guid) for n in range(30)]
    await apply(sync_caller, [boss, *reports])
    ids = [each["id"] for each in (await graphql("{ contacts(first: 100) { nodes { id } } }"))["contacts"]["nodes"]]
    for name in ("one", "two"):
        fields = {"displayName": name, "emailAddress": f"{name}@us.example"}
        made = await groups.create_group(sync_caller, fields)
        await groups.add_contacts(sync_caller, made["_id"], ids)
    page = """query($first: Int) { contacts(first: $first) { nodes { displayName manager { displayName }
      groups { nodes { displayName memberCount } } } } }"""
    for first in (2, 31):
        with counted() as commands:
            nodes = (await graphql(page, first=first))["contacts"]["nodes"]
        assert sorted(commands) == ["find contacts", "find contacts", "find groups"]
    assert nodes[0]["manager"] == {"displayName": "Big Boss"}
    assert nodes[0]["groups"]["nodes"] == [
        {"displayName": "one", "memberCount": 31},
        {"displayName": "two", "memberCount": 31},
    ]


async def test_total_is_counted_only_when_asked(graphql: GraphQL) -> None:
    """A page takes one query, and its total another one; the total alone does not read the page."""
    await create(graphql)
    for query, cost in (
        ("{ contacts { nodes { id } pageInfo { endCursor } } }", ["find contacts"]),
        ("{ contacts { totalCount } }", ["find statistics"]),
        ("{ contactStats { total } }", ["find statistics"]),
    ):
        with counted() as commands:
            await graphql(query)
        assert commands == cost


async def test_viewer(graphql: GraphQL) -> None:
    """As long as there is no sign-in, everyone is the same user and an administrator."""
    assert await graphql("{ viewer { name role } }") == {"viewer": {"name": "local user", "role": "ADMIN"}}


async def test_moments_that_are_none(graphql: GraphQL) -> None:
    """The error for an invalid DateTime contains a valid example."""
    for text in ("yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"):
        message = await graphql.error(f'{{ contacts(filter: {{updatedSince: "{text}"}}) {{ totalCount }} }}')
        assert f"'{text}' is not a date and time. Use the format 2026-11-23T17:49:05Z." in message
    message = await graphql.error('{ contacts(filter: {updatedSince: "2026-11-23T17:49:05"}) { totalCount } }')
    assert "has no time zone" in message
