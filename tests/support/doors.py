"""Every operation at every door, with the role it requires: the one table of who may do what.

An operation that is missing here, or here alone, fails `tests/doors/test_operations.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from resolvers import contacts, groups
from resolvers.caller import Caller, Role
from storage.changes import Author
from storage.documents import new_id
from storage.sync import schedule
from tests.support.importing import import_csv, table
from tests.support.importing import row as import_row
from tests.support.rest import ANA, synced

# What an operation leaves in the audit log if it is allowed.
Leaves = Literal["nothing", "one entry"]
# The `Authorization` of someone with a role, or without one of ours.
Authorize = Callable[[Role | None], str]
# The data of an operation, by name.
Ids = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GraphQLOperation:
    """A field of Query, Mutation or Subscription: its arguments and selection, and who may use it."""

    kind: Literal["query", "mutation", "subscription"]
    name: str
    use: Callable[[Ids], str]
    role: Role
    leaves: Leaves = "nothing"

    def text(self, ids: Ids) -> str:
        """The operation as a document."""
        return f"{self.kind} {{ {self.name}{self.use(ids)} }}"


@dataclass(frozen=True, slots=True)
class RestOperation:
    """A method of a path: what to send, and who may use it."""

    method: str
    path: str
    role: Role
    leaves: Leaves = "nothing"
    send: Callable[[Ids], dict[str, Any]] = field(default=lambda ids: {})

    @property
    def name(self) -> str:
        """The method and path."""
        return f"{self.method} {self.path}"

    def request(self, ids: Ids) -> dict[str, Any]:
        """The arguments of an HTTP client."""
        name = "import" if "/imports/" in self.path else "contact"
        return {"method": self.method, "url": self.path.replace("{id}", ids[name]), **self.send(ids)}


async def data(caller: Caller) -> dict[str, str]:
    """New data for one operation: a contact and others, each by its ID."""
    mark = new_id()
    own = Caller(caller.db, Author("setup", "cli"), Role.ADMIN)
    made = await contacts.create_contact(own, {**ANA, "emailAddress": f"ana-{mark}@acme.example"})
    gone = await contacts.create_contact(own, {**ANA, "emailAddress": f"gone-{mark}@acme.example"})
    await contacts.delete_contact(own, gone["_id"])
    group = await groups.create_group(own, {"displayName": "Partners", "emailAddress": f"group-{mark}@acme.example"})
    member = await contacts.create_contact(own, {**ANA, "emailAddress": f"member-{mark}@acme.example"})
    await groups.add_contacts(own, group["_id"], [member["_id"]])
    job = await import_csv(own, table(import_row("Ben Li", f"ben-{mark}@acme.example")))
    sync = Caller(caller.db, Author("Active Directory", "sync"), Role.ADMIN)
    found = {
        "contact": made["_id"],
        "address": made["emailAddress"],
        "deleted": gone["_id"],
        "group": group["_id"],
        "member": member["_id"],
        "import": job["_id"],
        "synced": await synced(sync, f"synced-{mark}@acme.example"),
        "new": f"new-{mark}@acme.example",
    }
    await schedule.confirm(caller.db, "dc.example", 30)
    for collection in (caller.db.audit, caller.db.people):
        await collection.delete_many({})
    return found


def _new(ids: Ids) -> str:
    return f'firstName: "Cy", lastName: "Li", displayName: "Cy Li", emailAddress: "{ids["new"]}"'


READER, EDITOR, ADMIN = Role.READER, Role.EDITOR, Role.ADMIN
ONE: Leaves = "one entry"

GRAPHQL = [
    GraphQLOperation("query", "contacts", lambda ids: " { nodes { id displayName } totalCount }", READER),
    GraphQLOperation("query", "contact", lambda ids: f'(id: "{ids["contact"]}") {{ displayName notes }}', READER),
    GraphQLOperation("query", "contactStats", lambda ids: " { total }", READER),
    GraphQLOperation("query", "deletedContacts", lambda ids: " { nodes { __typename } }", READER),
    GraphQLOperation("query", "groups", lambda ids: " { nodes { displayName } }", READER),
    GraphQLOperation("query", "group", lambda ids: f'(id: "{ids["group"]}") {{ displayName }}', READER),
    GraphQLOperation("query", "directorySync", lambda ids: " { enabled runs { nodes { id } } }", READER),
    GraphQLOperation("query", "contactImport", lambda ids: f'(id: "{ids["import"]}") {{ status }}', READER),
    GraphQLOperation("query", "contactImports", lambda ids: " { nodes { id } }", READER),
    GraphQLOperation("query", "node", lambda ids: f'(id: "{ids["contact"]}") {{ id }}', READER),
    GraphQLOperation("query", "nodes", lambda ids: f'(ids: ["{ids["contact"]}"]) {{ id }}', READER),
    GraphQLOperation("query", "viewer", lambda ids: " { id name kind role canEdit canAdminister expiresAt }", READER),
    GraphQLOperation("query", "auditLog", lambda ids: " { nodes { action actor { name } } totalCount }", ADMIN),
    GraphQLOperation("query", "__schema", lambda ids: " { queryType { name } }", READER),
    GraphQLOperation("query", "__type", lambda ids: '(name: "Contact") { name }', READER),
    GraphQLOperation("query", "__typename", lambda ids: "", READER),
    GraphQLOperation(
        "mutation", "createContact", lambda ids: f"(input: {{{_new(ids)}}}) {{ __typename }}", EDITOR, ONE
    ),
    GraphQLOperation(
        "mutation",
        "updateContact",
        lambda ids: f'(input: {{id: "{ids["contact"]}", company: "Acme"}}) {{ __typename }}',
        EDITOR,
        ONE,
    ),
    GraphQLOperation(
        "mutation", "deleteContact", lambda ids: f'(id: "{ids["contact"]}") {{ __typename }}', EDITOR, ONE
    ),
    GraphQLOperation(
        "mutation", "restoreContact", lambda ids: f'(id: "{ids["deleted"]}") {{ __typename }}', EDITOR, ONE
    ),
    GraphQLOperation(
        "mutation",
        "deleteContacts",
        lambda ids: f'(ids: ["{ids["contact"]}", "{ids["member"]}"]) {{ __typename }}',
        EDITOR,
        ONE,
    ),
    GraphQLOperation(
        "mutation",
        "importContacts",
        lambda ids: f"(input: {{source: {{contacts: [{{{_new(ids)}}}]}}}}) {{ __typename }}",
        EDITOR,
        ONE,
    ),
    GraphQLOperation("mutation", "undoImport", lambda ids: f'(id: "{ids["import"]}") {{ __typename }}', EDITOR, ONE),
    GraphQLOperation("mutation", "cancelImport", lambda ids: f'(id: "{ids["import"]}") {{ __typename }}', EDITOR),
    GraphQLOperation(
        "mutation",
        "createGroup",
        lambda ids: f'(input: {{displayName: "A", emailAddress: "{ids["new"]}"}}) {{ __typename }}',
        EDITOR,
        ONE,
    ),
    GraphQLOperation(
        "mutation",
        "updateGroup",
        lambda ids: f'(input: {{id: "{ids["group"]}", displayName: "Others"}}) {{ __typename }}',
        EDITOR,
        ONE,
    ),
    GraphQLOperation("mutation", "deleteGroup", lambda ids: f'(id: "{ids["group"]}") {{ __typename }}', EDITOR, ONE),
    GraphQLOperation(
        "mutation",
        "addContactsToGroup",
        lambda ids: f'(groupId: "{ids["group"]}", contactIds: ["{ids["contact"]}"]) {{ __typename }}',
        EDITOR,
        ONE,
    ),
    GraphQLOperation(
        "mutation",
        "removeContactsFromGroup",
        lambda ids: f'(groupId: "{ids["group"]}", contactIds: ["{ids["member"]}"]) {{ __typename }}',
        EDITOR,
        ONE,
    ),
    GraphQLOperation("mutation", "startDirectorySync", lambda ids: " { __typename }", ADMIN, ONE),
    GraphQLOperation(
        "mutation", "makeCloudOnly", lambda ids: f'(ids: ["{ids["synced"]}"]) {{ __typename }}', ADMIN, ONE
    ),
    GraphQLOperation("subscription", "contactChanged", lambda ids: " { action }", READER),
    GraphQLOperation("subscription", "contactStatsChanged", lambda ids: " { total }", READER),
    GraphQLOperation("subscription", "importProgress", lambda ids: f'(id: "{ids["import"]}") {{ status }}', READER),
    GraphQLOperation("subscription", "directorySyncProgress", lambda ids: " { status }", READER),
]

CONTACTS = "/api/identity/contacts"


def _contact(ids: Ids) -> dict[str, Any]:
    return {"json": {**ANA, "emailAddress": ids["new"]}}


REST = [
    RestOperation("GET", CONTACTS, READER),
    RestOperation("POST", CONTACTS, EDITOR, ONE, _contact),
    RestOperation("GET", f"{CONTACTS}/{{id}}", READER),
    RestOperation("PUT", f"{CONTACTS}/{{id}}", EDITOR, ONE, lambda ids: {"json": {"company": "Acme"}}),
    RestOperation("DELETE", f"{CONTACTS}/{{id}}", EDITOR, ONE),
    RestOperation("POST", f"{CONTACTS}/bulk", EDITOR, ONE, lambda ids: {"json": {"contacts": [_contact(ids)["json"]]}}),
    RestOperation("GET", f"{CONTACTS}/export", READER, ONE),
    RestOperation("GET", f"{CONTACTS}/imports", READER),
    RestOperation("GET", f"{CONTACTS}/imports/{{id}}", READER),
    RestOperation("GET", f"{CONTACTS}/imports/{{id}}/problems", READER),
    RestOperation("GET", f"{CONTACTS}/imports/{{id}}/outcomes", READER),
    RestOperation("GET", f"{CONTACTS}/imports/{{id}}/failed.csv", READER),
    RestOperation("POST", f"{CONTACTS}/imports/{{id}}/cancel", EDITOR),
    RestOperation("POST", f"{CONTACTS}/imports/{{id}}/undo", EDITOR, ONE),
    RestOperation("GET", "/api/identity/openapi.json", READER),
    RestOperation("GET", "/api/identity/viewer", READER),
    RestOperation("GET", "/api/identity/audit", ADMIN),
    RestOperation("GET", "/api/identity/audit/export", ADMIN, ONE),
]
