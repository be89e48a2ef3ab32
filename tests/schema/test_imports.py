"""Imports through GraphQL."""

import json
from typing import Any

from httpx import AsyncClient

from resolvers.caller import Caller
from resolvers.imports import jobs
from resolvers.imports.options import Options
from resolvers.imports.runner import run_one
from storage import imports
from storage.lease import release
from tests.support.graphql import GraphQL
from tests.support.graphql_transport_ws import connected
from tests.support.importing import HEADER, chunks

FILE = f"{HEADER}\nAna Li,ana@a.example,Ana,Li,Acme,,\nBen Li,nowhere,Ben,Li,,,\n"
IMPORT = """mutation($input: ImportContactsInput!) { importContacts(input: $input) { __typename
  ... on ImportContactsSuccess { contactImport { id status phase dryRun rows processed created updated unchanged skipped
    failed encoding delimiter columns unknownColumns fileName finishedAt
    problems { totalCount nodes { row line column code value } }
    outcomes { totalCount nodes { row action contactId emailAddress changes { field before after } } } } }
  ... on ImportUnreadable { code message line } } }"""


async def run(graphql: GraphQL, source: dict[str, Any], **options: Any) -> Any:
    """The result of an import."""
    answer = (await graphql(IMPORT, input={"source": source, **options}))["importContacts"]
    return answer.get("contactImport", answer)


async def test_text(graphql: GraphQL) -> None:
    """CSV text is imported, and the result is the finished import with its problems."""
    job = await run(graphql, {"text": FILE})
    assert (job["status"], job["rows"], job["created"], job["failed"]) == ("SUCCEEDED", 2, 1, 1)
    assert (job["encoding"], job["delimiter"], job["columns"]) == ("utf-8", ",", HEADER.split(","))
    assert job["phase"] == "WRITE"
    assert job["problems"]["nodes"] == [
        {"row": 2, "line": 3, "column": "EmailAddress", "code": "SYNTAX", "value": "nowhere"}
    ]
    assert [each["action"] for each in job["outcomes"]["nodes"]] == ["CREATED", "FAILED"]
    found = await graphql('{ contact(emailAddress: "ana@a.example") { history { nodes { through } } } }')
    assert found["contact"]["history"]["nodes"] == [{"through": "import"}]


async def test_file(client: AsyncClient) -> None:
    """A file is uploaded as a GraphQL multipart request."""
    operations = {"query": IMPORT, "variables": {"input": {"source": {"file": None}}}}
    form = {"operations": json.dumps(operations), "map": json.dumps({"0": ["variables.input.source.file"]})}
    file = {"0": ("people.csv", FILE.replace(",", ";").encode("utf-16"))}
    answer = (await client.post("/graphql", data=form, files=file)).json()
    job = answer["data"]["importContacts"]["contactImport"]
    assert (job["created"], job["encoding"], job["fileName"]) == (1, "utf-16-le", "people.csv")


async def test_contacts_and_preview(graphql: GraphQL) -> None:
    """Contacts are imported like rows, and a dry run reports the changes field by field."""
    await run(graphql, {"text": FILE})
    ana = {"displayName": "Ana New", "firstName": "Ana", "lastName": "Li", "emailAddress": "ana@a.example"}
    job = await run(graphql, {"contacts": [ana]}, dryRun=True, onMatch="UPDATE")
    (outcome,) = job["outcomes"]["nodes"]
    assert (job["updated"], outcome["action"], outcome["emailAddress"]) == (1, "UPDATED", "ana@a.example")
    assert outcome["changes"] == [{"field": "displayName", "before": "Ana Li", "after": "Ana New"}]


HIDDEN = """{ contact(emailAddress: "ana@a.example") { gal company jobTitle } }"""


async def test_contacts_leave_what_they_do_not_say(graphql: GraphQL) -> None:
    """Contacts without `showInGal` keep their visibility, and false hides them."""
    ana = {"displayName": "Ana Li", "firstName": "Ana", "lastName": "Li", "emailAddress": "ana@a.example"}
    assert (await run(graphql, {"contacts": [{**ana, "showInGal": False}]}))["created"] == 1
    assert (await run(graphql, {"contacts": [ana]}, onMatch="UPDATE"))["status"] == "SUCCEEDED"
    assert (await graphql(HIDDEN))["contact"]["gal"] == "HIDDEN"


async def test_rows_say_what_changes(graphql: GraphQL) -> None:
    """A row changes the given fields, null clears, and an address is enough to update."""
    boss = {"displayName": "Bo Li", "firstName": "Bo", "lastName": "Li", "emailAddress": "bo@a.example"}
    await run(graphql, {"text": FILE.replace("Acme,", "Acme,CTO")})
    await run(graphql, {"rows": [{"emailAddress": "ana@a.example", "showInGal": False}]}, onMatch="UPDATE")
    rows = [boss, {"emailAddress": "ana@a.example", "company": None, "manager": "bo@a.example"}]
    job = await run(graphql, {"rows": rows}, onMatch="UPDATE")
    assert (job["created"], job["updated"], job["failed"]) == (1, 1, 0)
    assert (await graphql(HIDDEN))["contact"] == {"gal": "HIDDEN", "company": None, "jobTitle": "CTO"}
    job = await run(graphql, {"rows": [{"emailAddress": "ana@a.example", "showInGal": None}]}, onMatch="UPDATE")
    assert (await graphql(HIDDEN))["contact"]["gal"] == "VISIBLE"


async def test_options(graphql: GraphQL) -> None:
    """Columns can be mapped, and with REJECT_ALL nothing is written unless every row is valid."""
    text = FILE.replace("EmailAddress", "Kontakt")
    mapped = {"columns": [{"header": "Kontakt", "column": "EmailAddress"}]}
    job = await run(graphql, {"text": text}, errorPolicy="REJECT_ALL", **mapped)
    assert (job["status"], job["created"], job["failed"]) == ("FAILED", 0, 1)
    assert (await run(graphql, {"text": text}))["code"] == "IMPORT_UNREADABLE"


async def test_names_of_encodings_and_delimiters(graphql: GraphQL) -> None:
    """Encodings ignore case; delimiters can be given by name or as the character itself."""
    job = await run(graphql, {"text": FILE.replace(",", ";")}, encoding="UTF-8", delimiter="Semicolon")
    assert (job["created"], job["encoding"], job["delimiter"]) == (1, "utf-8", ";")


async def test_source_is_exactly_one(graphql: GraphQL) -> None:
    """A source with no field or two fields is an error."""
    await graphql.error(IMPORT, input={"source": {}})
    await graphql.error(IMPORT, input={"source": {"text": FILE, "contacts": []}})


async def test_outcomes_are_paged(graphql: GraphQL) -> None:
    """Outcomes can be read page by page."""
    rows = "".join(f"P {n},p{n}@a.example,P,{n},,,\n" for n in range(5))
    job = await run(graphql, {"text": f"{HEADER}\n{rows}"})
    found, cursor = [], None
    while True:
        page = await graphql(
            """query($id: ID!, $after: String) { contactImport(id: $id) { outcomes(first: 2, after: $after) {
            nodes { row } pageInfo { hasNextPage endCursor } } } }""",
            id=job["id"],
            after=cursor,
        )
        outcomes = page["contactImport"]["outcomes"]
        found += [each["row"] for each in outcomes["nodes"]]
        if not outcomes["pageInfo"]["hasNextPage"]:
            break
        cursor = outcomes["pageInfo"]["endCursor"]
    assert found == [1, 2, 3, 4, 5]


async def test_undo_and_list(graphql: GraphQL) -> None:
    """An import can be listed, read as a node, and undone once."""
    job = await run(graphql, {"text": FILE})
    listed = await graphql(
        "query($id: ID!) { contactImports { totalCount nodes { id } } node(id: $id) { __typename id } }", id=job["id"]
    )
    assert listed["contactImports"] == {"totalCount": 1, "nodes": [{"id": job["id"]}]}
    assert listed["node"] == {"__typename": "ContactImport", "id": job["id"]}
    undo = """mutation($id: ID!) { undoImport(id: $id) { __typename
      ... on UndoImportSuccess { contactImport { status undone notUndone } } ... on Problem { code } } }"""
    undone = (await graphql(undo, id=job["id"]))["undoImport"]
    assert undone["contactImport"] == {"status": "UNDONE", "undone": 1, "notUndone": 0}
    assert (await graphql(undo, id=job["id"]))["undoImport"]["code"] == "IMPORT_NOT_UNDOABLE"
    assert (await graphql(undo, id="none"))["undoImport"]["code"] == "NOT_FOUND"
    cancel = "mutation($id: ID!) { cancelImport(id: $id) { ... on CancelImportSuccess { contactImport { status } } } }"
    assert (await graphql(cancel, id=job["id"]))["cancelImport"]["contactImport"] == {"status": "UNDONE"}


async def test_progress(service_url: str, caller: Caller) -> None:
    """A subscriber gets the progress of an import until it ends."""
    job, scanned = await jobs.start_csv(caller, chunks(FILE.encode()), Options())
    taken = await imports.claim(caller.db, job["_id"])  # otherwise the service would, sooner or later
    assert taken is not None
    query = "subscription($id: ID!) { importProgress(id: $id) { status processed rows } }"
    async with connected(service_url) as client:
        await client.listen("progress", query, {"id": job["_id"]})
        first = (await client.data("progress"))["importProgress"]
        assert first == {"status": "RUNNING", "processed": 0, "rows": 2}
        await release(taken[0])
        await run_one(caller, job["_id"], scanned)
        while (last := (await client.data("progress"))["importProgress"])["status"] == "RUNNING":
            pass
        assert last == {"status": "SUCCEEDED", "processed": 2, "rows": 2}
        assert (await client.message("progress"))["type"] == "complete"
