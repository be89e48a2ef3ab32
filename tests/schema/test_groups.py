"""Distribution groups through GraphQL."""

from typing import Any

from resolvers.caller import Caller
from tests.support.graphql import GraphQL
from tests.support.operations import CHANGE, CREATE_GROUP, create, group
from tests.support.people import person, synced


async def change(graphql: GraphQL, field: str, identifier: str, ids: list[str]) -> Any:
    """The result of changing members."""
    return (await graphql(CHANGE % field, group=identifier, ids=ids))[field]


async def test_group_life(graphql: GraphQL) -> None:
    """A group is created, renamed, found and deleted."""
    identifier = await group(graphql)
    renamed = await graphql(
        """mutation($input: UpdateGroupInput!) { updateGroup(input: $input) { ... on UpdateGroupSuccess {
        group { displayName emailAddress description version } } } }""",
        input={"id": identifier, "displayName": "Friends", "description": "x"},
    )
    assert renamed["updateGroup"]["group"] == {
        "displayName": "Friends",
        "emailAddress": "partners@us.example",
        "description": "x",
        "version": 2,
    }
    found = await graphql(
        '{ groups(search: "fri") { totalCount nodes { id } } group(emailAddress: "PARTNERS@us.example") { id } }'
    )
    assert found == {"groups": {"totalCount": 1, "nodes": [{"id": identifier}]}, "group": {"id": identifier}}
    delete = "mutation($id: ID!) { deleteGroup(id: $id) { __typename } }"
    assert (await graphql(delete, id=identifier))["deleteGroup"]["__typename"] == "DeleteGroupSuccess"
    assert (await graphql(delete, id=identifier))["deleteGroup"]["__typename"] == "NotFound"


async def test_group_refusals(graphql: GraphQL) -> None:
    """An invalid field, a taken address and a stale version are refused as data."""
    holder = await create(graphql)
    address = person()["emailAddress"]
    taken = (await graphql(CREATE_GROUP, input={"displayName": "x", "emailAddress": address}))["createGroup"]
    assert taken["holder"] == {"__typename": "Contact", "id": holder}
    bad = (await graphql(CREATE_GROUP, input={"displayName": "", "emailAddress": "x@y.example"}))["createGroup"]
    assert bad["fields"] == [{"field": "displayName", "code": "REQUIRED"}]
    identifier = await group(graphql)
    stale = await graphql(
        """mutation($input: UpdateGroupInput!) { updateGroup(input: $input) { __typename
        ... on GroupVersionConflict { current { version } } } }""",
        input={"id": identifier, "expectedVersion": 7, "displayName": "y"},
    )
    assert stale["updateGroup"] == {"__typename": "GroupVersionConflict", "current": {"version": 1}}


async def test_members(graphql: GraphQL, sync_caller: Caller) -> None:
    """Members are added and removed together, listed and filtered, including synced contacts."""
    identifier = await group(graphql)
    ids = [await create(graphql, f"Ana {x}") for x in "abc"]
    ids.append((await synced(sync_caller))["_id"])
    added = await change(graphql, "addContactsToGroup", identifier, [*ids, "x"])
    assert added == {
        "__typename": "ChangeMembershipSuccess",
        "changed": 4,
        "unknownIds": ["x"],
        "group": {"memberCount": 4},
    }
    await change(graphql, "removeContactsFromGroup", identifier, ids[:1])
    read = await graphql(
        """query($id: ID!) { group(id: $id) { memberCount members(first: 2) { totalCount nodes { displayName }
        pageInfo { hasNextPage } }
        synced: members(filter: {source: SYNCED}) { totalCount nodes { id groups { nodes { id } } } } } }""",
        id=identifier,
    )
    assert read["group"] == {
        "memberCount": 3,
        "members": {
            "totalCount": 3,
            "nodes": [{"displayName": "Ana b"}, {"displayName": "Ana c"}],
            "pageInfo": {"hasNextPage": True},
        },
        "synced": {"totalCount": 1, "nodes": [{"id": ids[3], "groups": {"nodes": [{"id": identifier}]}}]},
    }
    filtered = await graphql("query($id: ID!) { contacts(filter: {groupId: $id}) { totalCount } }", id=identifier)
    assert filtered["contacts"]["totalCount"] == 3
    assert (await change(graphql, "addContactsToGroup", "x", []))["__typename"] == "NotFound"


async def test_groups_of_a_contact_are_paged(graphql: GraphQL) -> None:
    """A contact's groups are listed by name, page by page."""
    contact = await create(graphql)
    for name in ("B", "A", "C"):
        await change(graphql, "addContactsToGroup", await group(graphql, name), [contact])
    query = """query($id: ID!, $after: String) { contact(id: $id) { groups(first: 2, after: $after) { totalCount
      nodes { displayName } pageInfo { hasNextPage endCursor } } } }"""
    first = (await graphql(query, id=contact))["contact"]["groups"]
    assert ([each["displayName"] for each in first["nodes"]], first["totalCount"]) == (["A", "B"], 3)
    rest = (await graphql(query, id=contact, after=first["pageInfo"]["endCursor"]))["contact"]["groups"]
    assert ([each["displayName"] for each in rest["nodes"]], rest["pageInfo"]["hasNextPage"]) == (["C"], False)
