"""The file of failed rows: it keeps the original rows, even if it is imported repeatedly."""

import csv
import io

from resolvers import contacts
from resolvers.caller import Caller
from resolvers.files.export import export
from resolvers.imports import jobs
from resolvers.imports.failed_rows import failed_rows
from resolvers.imports.runner import run_one
from storage.documents import Document
from storage.lists.pages import Ordering, Window
from storage.lists.selection import Selection
from tests.support.importing import HEADER, counts, import_csv, import_rows, problems_of
from tests.support.people import person

ANA = "Ana Li,ana@a.example,Ana,Li,Acme,CTO,"


async def failed(caller: Caller, job: Document, *, bom: bool = False) -> bytes:
    return b"".join([piece async for piece in failed_rows(caller, job, bom=bom)])


def table(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


async def test_too_many_cells_come_back(caller: Caller) -> None:
    """The surplus cells of a row are kept, so that the row fails again until it is corrected."""
    job = await import_csv(caller, f"{HEADER}\nLi, Ana,ana@a.example,Ana,Li,Acme,CTO,+49 30 1,\n")
    data = await failed(caller, job)
    again = await import_csv(caller, data)
    assert [code for _, _, code in await problems_of(caller, again)] == ["TOO_MANY_CELLS"]
    assert table(await failed(caller, again))[1][:7] == table(data)[1][:7]
    assert table(data)[1][-1] == ""
    assert table(data)[1][10:] == ["'+49 30 1", ""]


async def test_damaged_characters_are_not_imported(caller: Caller) -> None:
    """A row with bytes of another encoding fails, also when the file of failed rows is imported uncorrected."""
    job = await import_csv(
        caller, f"{HEADER}\n{ANA}\nGarc\u00eda ñandú,n@a.example,N,L,,,\n".encode() + b"B\xfcn,b@a.example,B,L,,,\n"
    )
    assert counts(job) == {"created": 2, "failed": 1}
    data = await failed(caller, job)
    again = await import_csv(caller, data)
    assert [(column, code) for _, column, code in await problems_of(caller, again)] == [("DisplayName", "ENCODING")]
    corrected = data.replace("B\ufffdn".encode(), "Bün".encode(), 1)
    assert counts(await import_csv(caller, corrected)) == {"created": 1}


async def test_damage_in_columns_that_are_not_read(caller: Caller) -> None:
    """Damaged characters in a column that isn't imported are ignored."""
    job = await import_csv(caller, f"{HEADER},Shoe\n{ANA},4\ufffd\n")
    assert counts(job) == {"created": 1}


async def test_rows_in_json_come_back(caller: Caller) -> None:
    """Failed rows from JSON keep the fields that they clear, their manager IDs, and the JSON itself."""
    boss = await contacts.create_contact(caller, person("Boss Li"))
    rows: list[object] = [
        {
            **person("Ana Li"),
            "emailAddress": "x",
            "managerId": boss["_id"],
            "company": None,
            "aliases": ["+1@a.example"],
        },
        {**person("Ben Li"), "shoe": {"size": 43}},
        7,
    ]
    job = await import_rows(caller, rows)
    data = await failed(caller, job)
    ana, ben, seven = csv.DictReader(io.StringIO(data.decode(), newline=""))
    assert (ana["Company"], ana["ImportManagerId"], ana["Aliases"]) == ("[clear]", boss["_id"], "'+1@a.example")
    assert ben["ImportRow"].endswith('"shoe":{"size":43}}')
    assert (seven["ImportRow"], seven["DisplayName"]) == ("7", "")
    corrected = data.replace(b",x,", b",ana@a.example,", 1)
    assert counts(await import_csv(caller, corrected)) == {"created": 2, "failed": 1}
    found = await contacts.contact_by_address(caller, "ana@a.example")
    assert found
    assert (found["managerId"], found["aliases"]) == (boss["_id"], ["+1@a.example"])


async def test_unknown_manager_ids(caller: Caller) -> None:
    """A problem with a manager ID names the column of manager IDs."""
    job = await import_rows(caller, [{**person("Ana Li"), "managerId": "nobody"}])
    again = await import_csv(caller, await failed(caller, job))
    assert [each[1:] for each in await problems_of(caller, again)] == [("ImportManagerId", "MANAGER_NOT_FOUND")]


async def test_problems_of_an_undo_are_left_out(caller: Caller) -> None:
    """A contact that an undo left unchanged is not listed as a failed row, or as a reason."""
    job = await import_csv(caller, f"{HEADER}\nBad,nowhere,Bad,Row,,,\n{ANA}\n")
    found = await contacts.contact_by_address(caller, "ana@a.example")
    assert found
    await contacts.update_contact(caller, found["_id"], {"company": "Other"})
    await jobs.undo(caller, job["_id"])
    await run_one(caller, job["_id"])
    assert len(await problems_of(caller, job)) == 2
    (_, row) = table(await failed(caller, job))
    assert row[7:9] == ["2", "SYNTAX"]


async def test_header_cells_are_harmless(caller: Caller) -> None:
    """No cell of the header starts a formula, even if the file is imported repeatedly."""
    job = await import_csv(caller, f"{HEADER},=1+1\nBad,nowhere,Bad,Row,,,,x\n")
    data = await failed(caller, job)
    assert table(data)[0][7] == "'=1+1"
    assert (await failed(caller, await import_csv(caller, data))).startswith(data.partition(b"\n")[0])


async def test_byte_order_marks(caller: Caller) -> None:
    """Failed rows and exports can start with the byte order mark that Excel needs, and can still be imported."""
    job = await import_csv(caller, f"{HEADER}\nBün,nowhere,B,L,,,\nBün,b@a.example,B,L,,,\n")
    data = await failed(caller, job, bom=True)
    assert data == b"\xef\xbb\xbf" + await failed(caller, job)
    assert counts(await import_csv(caller, data)) == {"failed": 1}
    exported = [piece async for piece in await export(caller, Selection(), Ordering("keys.name"), bom=True)]
    assert exported[0].startswith(b"\xef\xbb\xbfDisplayName,")
    assert counts(await import_csv(caller, b"".join(exported), on_match="UPDATE")) == {"unchanged": 1}


async def test_rows_in_json_are_bounded(caller: Caller) -> None:
    """The problems of a row are limited in number and size, even if the row is huge or has thousands of mistakes."""
    many = {**person("Ana Li"), **{f"field{n}": n for n in range(2_000)}}
    huge = {**person("Ben Li"), "notes": "x" * 300_000}
    job = await import_rows(caller, [many, huge, person("Cy Li")])
    assert counts(job) == {"created": 1, "failed": 2}
    page = await jobs.list_problems(caller, job["_id"], Window(500))
    assert len(page.documents) == 101
    assert page.documents[-1]["code"] == "TOO_LONG"
    assert len(await failed(caller, job)) < 100_000
