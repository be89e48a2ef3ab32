"""Import and export over REST."""

import asyncio
import csv
import io
from typing import Any

import pytest
from httpx import AsyncClient

from resolvers.caller import Caller
from resolvers.files.columns import COLUMNS
from resolvers.groups import add_contacts, create_group
from storage.driver import Database
from tests.support import waiting
from tests.support.importing import HEADER

BULK = "/api/identity/contacts/bulk"
EXPORT = "/api/identity/contacts/export"
IMPORTS = "/api/identity/contacts/imports"
ANA = "Ana García,ana@acme.example,Ana,García,Acme,CTO,+49 30 1234567"
BEN = "Ben Li,ben@acme.example,Ben,Li,,,"
BAD = "Bad,nowhere,Bad,Row,,,"
FILE = f"{HEADER}\n{ANA}\n{BEN}\n{BAD}\n"
CSV = {"content-type": "text/csv"}


async def post(client: AsyncClient, text: str = FILE, **params: str) -> Any:
    answer = await client.post(BULK, content=text.encode(), headers=CSV, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_csv_body(client: AsyncClient) -> None:
    """A CSV file in the body is imported, and the response is the report."""
    answer = await client.post(BULK, content=FILE.encode(), headers=CSV)
    report = answer.json()
    assert answer.headers["location"] == f"{IMPORTS}/{report['id']}"
    assert (report["status"], report["rows"], report["created"], report["failed"]) == ("SUCCEEDED", 3, 2, 1)
    assert (report["encoding"], report["delimiter"]) == ("utf-8", ",")
    assert report["problems"][0] | {"message": ""} == {
        "row": 3,
        "line": 4,
        "column": "EmailAddress",
        "code": "SYNTAX",
        "message": "",
        "value": "nowhere",
    }
    listed = (await client.get("/api/identity/contacts")).json()
    assert [each["displayName"] for each in listed["contacts"]] == ["Ana García", "Ben Li"]


async def test_form(client: AsyncClient) -> None:
    """A file in a form is imported."""
    files = {"file": ("kontakte.csv", FILE.replace(",", ";").encode("utf-16"))}
    report = (await client.post(BULK, files=files)).json()
    assert (report["created"], report["encoding"], report["delimiter"]) == (2, "utf-16-le", ";")
    assert report["fileName"] == "kontakte.csv"


@pytest.mark.parametrize("order", [1, -1], ids=["before the file", "after the file"])
async def test_options_in_a_form(client: AsyncClient, order: int) -> None:
    """Form fields are options, wherever they are in the form."""
    parts: list[Any] = [
        ("dryRun", (None, "true")),
        ("delimiter", (None, "semicolon")),
        ("file", ("kontakte.csv", FILE.replace(",", ";").encode())),
    ]
    report = (await client.post(BULK, files=parts[::order], params={"onMatch": "FAIL"})).json()
    assert (report["dryRun"], report["onMatch"], report["created"]) == (True, "FAIL", 2)
    assert (await client.get("/api/identity/contacts")).json()["totalCount"] == 0


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (("comment", (None, "hello")), "no parameter 'comment'"),
        (("dryRun", (None, "perhaps")), "dryRun must be"),
        (("onMatch", (None, "FAIL")), "more than once"),
        (("file", ("second.csv", FILE.encode())), "more than one file"),
        (("columns", (None, "x" * 70_000)), "more than 65,536 bytes"),
    ],
)
async def test_parts_that_would_be_lost(client: AsyncClient, db: Database, part: Any, says: str) -> None:
    """Unknown or invalid parts of a form are refused, and nothing is kept."""
    parts: list[Any] = [("file", ("kontakte.csv", FILE.encode())), part]
    answer = await client.post(BULK, files=parts, params={"onMatch": "SKIP"})
    assert (answer.status_code, says in answer.text) == (400, True), answer.text
    assert (await client.get(IMPORTS)).json()["imports"] == []
    assert await db.upload_chunks.count_documents({}) == 0


async def test_a_form_cut_off(client: AsyncClient, db: Database) -> None:
    """A form without its closing boundary is incomplete and refused."""
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    for body in (head + FILE.encode(), head + FILE.encode() + b"\r\n--b"):
        answer = await client.post(BULK, content=body, headers={"content-type": "multipart/form-data; boundary=b"})
        assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED")
    assert await db.upload_chunks.count_documents({}) == 0


async def test_a_header_with_a_broken_byte(client: AsyncClient, db: Database) -> None:
    """A header with invalid bytes is read as far as possible, and a refused one leaves nothing behind."""
    file = f"{HEADER},Gr\udcfc\u00dfe\n{ANA},43\n".encode("utf-8", "surrogateescape")
    report = (await client.post(BULK, content=file, headers=CSV)).json()
    assert (report["created"], report["unknownColumns"]) == (1, ["Gr\ufffd\u00dfe"])
    answer = await client.post(BULK, content=file.replace(b"FirstName", b"F\xfcrst"), headers=CSV)
    assert answer.status_code == 422
    assert await db.upload_chunks.count_documents({}) == 0


async def test_columns_with_commas(client: AsyncClient) -> None:
    """A column whose name contains a comma is mapped in quotes, as in CSV."""
    text = FILE.replace("DisplayName", '"Name, full"').replace("Company", "Firma")
    report = await post(client, text, columns='"Name, full:DisplayName",Firma:Company')
    assert (report["created"], report["unknownColumns"]) == (2, [])


async def test_json(client: AsyncClient) -> None:
    """Contacts in JSON follow the same rules."""
    ben = {"displayName": "Ben Li", "firstName": "Ben", "lastName": "Li", "emailAddress": "ben@acme.example"}
    report = (await client.post(BULK, json={"contacts": [ben, {**ben, "emailAddress": "x"}, ben, 5]})).json()
    assert (report["rows"], report["created"], report["failed"]) == (4, 1, 3)
    assert [(each["row"], each["column"], each["code"]) for each in report["problems"]] == [
        (2, "emailAddress", "SYNTAX"),
        (3, "emailAddress", "DUPLICATE_ROW"),
        (4, None, "WRONG_TYPE"),
    ]


async def test_dry_run(client: AsyncClient) -> None:
    """A dry run reports what it would do with each row, and writes nothing."""
    report = await post(client, dryRun="true")
    assert [each["action"] for each in report["outcomes"]] == ["CREATED", "CREATED", "FAILED"]
    assert (await client.get("/api/identity/contacts")).json()["totalCount"] == 0


async def test_respond_async(client: AsyncClient) -> None:
    """With `Prefer: respond-async`, the response is immediate and contains the location of the report."""
    answer = await client.post(BULK, content=FILE.encode(), headers={**CSV, "prefer": "respond-async"})
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "respond-async"

    async def current() -> Any:
        return (await client.get(answer.headers["location"])).json()

    report = await waiting.until(current, lambda report: report["finishedAt"])
    assert (report["status"], report["created"]) == ("SUCCEEDED", 2)


async def test_failed_rows_come_back(client: AsyncClient) -> None:
    """The failed rows are returned as a file that, once corrected, can be imported."""
    report = await post(client)
    answer = await client.get(f"{IMPORTS}/{report['id']}/failed.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    header, row = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert header == [*HEADER.split(","), "ImportLine", "ImportCode", "ImportReason"]
    assert row[:2] == ["Bad", "nowhere"]
    assert row[7:9] == ["4", "SYNTAX"]
    again = await post(client, answer.text.replace("nowhere", "bad@acme.example", 1))
    assert (again["created"], again["failed"], again["unknownColumns"]) == (1, 0, [])


async def test_problems_are_paged(client: AsyncClient) -> None:
    """All problems can be read page by page."""
    report = await post(client, HEADER + "\n" + "\n".join(f"A,{n},A,A,,," for n in range(5)))
    found, cursor = [], None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(f"{IMPORTS}/{report['id']}/problems", params=params)).json()
        found += page["problems"]
        if not (cursor := page["nextCursor"]):
            break
    assert [each["line"] for each in found] == [2, 3, 4, 5, 6]


async def test_undo(client: AsyncClient) -> None:
    """An import can be undone once."""
    report = await post(client)
    undone = (await client.post(f"{IMPORTS}/{report['id']}/undo")).json()
    assert (undone["status"], undone["undone"], undone["notUndone"]) == ("UNDONE", 2, 0)
    assert (await client.get("/api/identity/contacts")).json()["totalCount"] == 0
    again = await client.post(f"{IMPORTS}/{report['id']}/undo")
    assert (again.status_code, again.json()["code"]) == (409, "IMPORT_NOT_UNDOABLE")


async def test_refusals(client: AsyncClient) -> None:
    """Invalid imports are refused with the proper status, and leave no job."""
    cases: list[tuple[int, dict[str, Any]]] = [
        (422, {"content": b"", "headers": CSV}),
        (422, {"content": b"a,b\n1,2\n", "headers": CSV}),
        (422, {"content": HEADER.encode(), "headers": CSV}),
        (400, {"content": FILE.encode(), "headers": CSV, "params": {"onMatch": "maybe"}}),
        (400, {"content": FILE.encode(), "headers": CSV, "params": {"onmatch": "SKIP"}}),
        (400, {"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}}),
        (400, {"content": b"x", "headers": {"content-type": "multipart/form-data"}}),
        (400, {"json": {"rows": []}}),
        (422, {"json": {"contacts": []}}),
        (415, {"content": b"<x/>", "headers": {"content-type": "text/xml"}}),
        (413, {"content": b"x", "headers": {**CSV, "content-length": "9999999999"}}),
    ]
    for status, request in cases:
        answer = await client.post(BULK, **request)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await client.get(IMPORTS)).json()["imports"] == []
    assert (await client.get(f"{IMPORTS}/unknown")).status_code == 404


async def test_export(client: AsyncClient, caller: Caller) -> None:
    """An export has the documented header, the filters of the list, and managers and groups by name."""
    group = await create_group(caller, {"displayName": "Partners", "emailAddress": "partners@acme.example"})
    await post(client, f"{HEADER},Manager\n{ANA},\n{BEN},ana@acme.example\n")
    listed = (await client.get("/api/identity/contacts")).json()["contacts"]
    await add_contacts(caller, group["_id"], [each["id"] for each in listed[:1]])
    answer = await client.get(EXPORT)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.startswith(f"{HEADER},MobilePhone,Department,ShowInGAL,Aliases,Street,City,State,Country,")
    ana, ben = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert (ana["BusinessPhone"], ana["Groups"], ana["Source"]) == ("'+49 30 1234567", "Partners", "Cloud")
    assert ben["Manager"] == "ana@acme.example"
    only = await client.get(EXPORT, params={"company": "acme", "columns": "EmailAddress,Company"})
    assert only.text == "EmailAddress,Company\r\nana@acme.example,Acme\r\n"
    back = await post(client, answer.text, onMatch="UPDATE")
    assert (back["unchanged"], back["failed"], back["unknownColumns"]) == (2, 0, ["Source"])
    assert (await client.get(EXPORT, params={"columns": "Shoe"})).status_code == 400


async def test_export_of_nothing(client: AsyncClient) -> None:
    """The export of an empty directory contains only the header."""
    assert (await client.get(EXPORT)).text == ",".join(COLUMNS) + "\r\n"


async def test_lying_content_length(service_url: str, client: AsyncClient) -> None:
    """A body that is shorter than declared leaves no job, and the service keeps running."""
    host, port = service_url.removeprefix("http://").split(":")
    for said in (100_000, 10):
        reader, writer = await asyncio.open_connection(host, int(port))
        head = (
            f"POST {BULK} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: text/csv\r\nContent-Length: {said}\r\n\r\n"
        )
        writer.write(head.encode() + FILE.encode())
        await writer.drain()
        writer.write_eof()
        await reader.read()
        writer.close()
    assert (await client.get(IMPORTS)).json()["imports"] == []
    async with AsyncClient(base_url=service_url, timeout=waiting.SECONDS) as service:
        assert (await service.get("/healthz")).status_code == 200
