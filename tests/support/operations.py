"""GraphQL operations for many tests."""

from tests.support.graphql import GraphQL
from tests.support.people import person

CREATE = """mutation Create($input: CreateContactInput!) { createContact(input: $input) {
  __typename
  ... on CreateContactSuccess { contact { id version } }
  ... on Problem { code message }
  ... on InvalidInput { fields { field code message } }
  ... on EmailAddressTaken { emailAddress holder { __typename id ... on Contact { displayName } } }
  ... on NotFound { id field }
} }"""
UPDATE = """mutation Update($input: UpdateContactInput!) { updateContact(input: $input) {
  __typename
  ... on UpdateContactSuccess { contact { id displayName version company aliases gal address { street city } } }
  ... on Problem { code message }
  ... on VersionConflict { current { id version } }
  ... on ContactReadOnly { contact { id onPremises { distinguishedName } } }
  ... on ManagerCycle { chain { id } }
  ... on NotFound { id field }
} }"""
CREATE_GROUP = """mutation($input: CreateGroupInput!) { createGroup(input: $input) { __typename
  ... on CreateGroupSuccess { group { id memberCount version } }
  ... on InvalidInput { fields { field code } }
  ... on EmailAddressTaken { holder { __typename id } } } }"""
CHANGE = """mutation($group: ID!, $ids: [ID!]!) { %s(groupId: $group, contactIds: $ids) { __typename
  ... on ChangeMembershipSuccess { changed unknownIds group { memberCount } } } }"""


async def create(graphql: GraphQL, name: str = "Ana Silva", **fields: object) -> str:
    """The ID of a new contact."""
    made = (await graphql(CREATE, input=person(name, **fields)))["createContact"]
    assert made["__typename"] == "CreateContactSuccess", made
    identifier: str = made["contact"]["id"]
    return identifier


async def group(graphql: GraphQL, name: str = "Partners") -> str:
    """The ID of a new group."""
    made = await graphql(CREATE_GROUP, input={"displayName": name, "emailAddress": f"{name.lower()}@us.example"})
    identifier: str = made["createGroup"]["group"]["id"]
    return identifier
