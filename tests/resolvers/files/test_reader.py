"""Reading CSV files: all encodings, delimiters and programs, and malicious files."""

import csv
import io
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.errors import ImportUnreadable
from resolvers.files.cells import escape, unescape
from resolvers.files.reader import FileReader, Format
from resolvers.files.records import MAX_RECORD, Records
from resolvers.files.rows import ImportRow
from resolvers.files.text import Detector, blocks

HEADER = "DisplayName,EmailAddress,FirstName,LastName,Company,JobTitle,BusinessPhone"
ANA = "Ana García,ana@acme.example,Ana,García,Acme,CTO,+49 30 1234567"


async def pieces(data: bytes, size: int = 1 << 16) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def read(data: bytes | str, size: int = 1 << 16, **how: object) -> tuple[FileReader, list[ImportRow]]:
    data = data.encode() if isinstance(data, str) else data
    detector = Detector()
    async for block in blocks(pieces(data, size)):
        detector.feed(block)
    reader = FileReader(Format(detector.encoding(), **how))  # type: ignore[arg-type]  # each test sets different ones
    return reader, [row async for rows in reader.rows(pieces(data, size)) for row in rows]


@pytest.mark.parametrize(
    ("codec", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("windows-1252", "windows-1252"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("size", [1, 1 << 16])
async def test_encodings_delimiters_line_ends(codec: str, told: str, delimiter: str, end: str, size: int) -> None:
    """A file is read alike in every encoding, with every delimiter and line ending, in pieces of any size."""
    text = end.join([HEADER, ANA, f'"Ben{end}Li",ben@acme.example,Ben,Li,,,', ""]).replace(",", delimiter)
    detector = Detector()
    detector.feed(text.encode(codec))
    assert detector.encoding() == told
    reader, rows = await read(text.encode(codec), size)
    assert reader.delimiter == delimiter
    assert [row.line for row in rows] == [2, 3]
    assert rows[0].fields["lastName"] == "García"
    assert rows[1].fields["displayName"] == f"Ben{end}Li"


async def test_late_windows_1252() -> None:
    """A file that starts with a lot of ASCII and continues in Windows-1252 is read as Windows-1252."""
    plain = f"{HEADER}\n" + "Ann Lee,ann@acme.example,Ann,Lee,,,\n" * 20_000
    _, rows = await read(plain.encode() + ANA.encode("windows-1252"))
    assert rows[-1].fields["lastName"] == "García"


async def test_damaged_utf8() -> None:
    """Invalid bytes in a UTF-8 file affect only their row, not the accents in other rows."""
    _, rows = await read(f"{HEADER}\n{ANA}\n".encode() + b"B\xfcn,ben@acme.example,B,L,,,\n")
    assert rows[0].problems == []
    assert rows[0].fields["lastName"] == "García"
    assert [problem.code for problem in rows[1].problems] == ["ENCODING"]


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        pytest.param(
            "Name,DisplayName,ExternalEmailAddress,HiddenFromAddressListsEnabled,EmailAddresses",
            'ana,Ana García,SMTP:ana@acme.example,True,"SMTP:ana@acme.example, smtp:a@acme.example, X500:/o=x"',
            {
                "displayName": "Ana García",
                "emailAddress": "ana@acme.example",
                "aliases": ["ana@acme.example", "a@acme.example"],
                "showInGal": False,
            },
            id="Exchange",
        ),
        pytest.param(
            "ExternalEmailAddress,Name,FirstName,LastName,StreetAddress,City,StateorProvince,PostalCode,Phone,"
            "MobilePhone,Company,Title,Department,CountryOrRegion,Notes",
            "ana@acme.example,Ana García,Ana,García,1 Main St,Reno,NV,89501,+1 775 555 0100,,Acme,CTO,IT,US,hi",
            {
                "displayName": "Ana García",
                "emailAddress": "ana@acme.example",
                "firstName": "Ana",
                "lastName": "García",
                "address": {
                    "street": "1 Main St",
                    "city": "Reno",
                    "state": "NV",
                    "postalCode": "89501",
                    "country": "US",
                },
                "businessPhone": "+1 775 555 0100",
                "company": "Acme",
                "jobTitle": "CTO",
                "department": "IT",
                "notes": "hi",
            },
            id="Microsoft 365",
        ),
        pytest.param(
            "First Name,Last Name,Company,Business Street,Business City,Business Phone,Mobile Phone,E-mail Address,"
            "E-mail 2 Address,Job Title",
            "Ana,García,Acme,Gran Vía 1,Madrid,+34 91 1,+34 6 1,ana@acme.example,a@acme.example,CTO",
            {
                "firstName": "Ana",
                "lastName": "García",
                "company": "Acme",
                "address": {"street": "Gran Vía 1", "city": "Madrid"},
                "businessPhone": "+34 91 1",
                "mobilePhone": "+34 6 1",
                "emailAddress": "ana@acme.example",
                "aliases": ["a@acme.example"],
                "jobTitle": "CTO",
            },
            id="Outlook",
        ),
        pytest.param(
            "First Name,Last Name,Organization Name,Organization Title,E-mail 1 - Label,E-mail 1 - Value,"
            "Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value,Address 1 - City",
            "Ana,García,Acme,CTO,* Work,ana@acme.example,Mobile,+34 6 1,Work,+34 91 1 ::: +34 91 2,Madrid",
            {
                "firstName": "Ana",
                "lastName": "García",
                "company": "Acme",
                "jobTitle": "CTO",
                "emailAddress": "ana@acme.example",
                "mobilePhone": "+34 6 1",
                "businessPhone": "+34 91 1 ",
                "address": {"city": "Madrid"},
            },
            id="Google",
        ),
        pytest.param(
            "Record ID,First Name,Last Name,Email,Phone Number,Company Name,State/Region,Additional email addresses",
            "1,Ana,García,ana@acme.example,+34 91 1,Acme,Madrid,a@acme.example;b@acme.example",
            {
                "firstName": "Ana",
                "lastName": "García",
                "emailAddress": "ana@acme.example",
                "businessPhone": "+34 91 1",
                "company": "Acme",
                "address": {"state": "Madrid"},
                "aliases": ["a@acme.example", "b@acme.example"],
            },
            id="HubSpot",
        ),
    ],
)
async def test_other_programs(header: str, cells: str, expected: dict[str, object]) -> None:
    """Files of other programs fill the same fields; names are derived if they have no column for them."""
    _, rows = await read(f"{header}\n{cells}\n")
    assert rows[0].fields == expected
    whole = rows[0].derived | rows[0].fields
    assert (whole["displayName"], whole["firstName"], whole["lastName"]) == ("Ana García", "Ana", "García")


async def test_powershell_and_excel_preambles() -> None:
    """The lines that PowerShell and Excel write before the header are skipped."""
    for text in ("sep=;\r\n" + f"{HEADER}\r\n{ANA}".replace(",", ";"), f"#TYPE Selected.Contact\r\n{HEADER}\r\n{ANA}"):
        reader, rows = await read(text)
        assert rows[0].line == 3
        assert reader.columns.header == HEADER.split(",")


async def test_unknown_columns_are_reported() -> None:
    """Unknown columns are reported and ignored."""
    reader, rows = await read(f"{HEADER},Shoe size\n{ANA},43\n")
    assert reader.columns.unknown == ["Shoe size"]
    assert rows[0].fields["company"] == "Acme"


async def test_columns_can_be_mapped() -> None:
    """The mapping assigns unknown columns to fields, or ignores columns."""
    text = f"{HEADER},Handynummer\n{ANA},0151 1\n"
    reader, rows = await read(text, columns={"handynummer": "MobilePhone", "Company": ""})
    assert rows[0].fields["mobilePhone"] == "0151 1"
    assert "company" not in rows[0].fields
    assert reader.columns.unknown == ["Company"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\r\n\r\n", "no header"),
        (b"PK\x03\x04\x14\x00", "Excel"),
        (HEADER.encode("utf-32"), "UTF-32"),
        (HEADER.encode("utf-32-be"), "UTF-32"),
        (b"\x00\x01\x02\xff" * 100, "no known column"),
        (b"Lorem ipsum dolor sit amet.\nMore of it.\n", "no known column"),
        (b"DisplayName,FirstName,LastName\nAna,Ana,Li\n", "no column EmailAddress"),
        (b"EmailAddress,DisplayName\na@b.example,A\n", "FirstName or LastName"),
        (HEADER.encode("utf-16") + b"\x00", "within a character"),
        (HEADER.encode() + b'\n"' + b"x" * 500_000, "not closed"),
        (HEADER.encode() + b"\n" + b"x" * 500_000, "line 2 has more"),
        (HEADER.encode() + b"\n" + b'"\n",' * 500_000, "line 2 has more"),
        (b"," * 1_000_000, "line 1 has more"),
        (b"DisplayName" + b",a" * 100_000, "The maximum is 1,000"),
    ],
)
async def test_unreadable(data: bytes, says: str) -> None:
    """A file that isn't a table of contacts is refused with the reason."""
    with pytest.raises(ImportUnreadable, match=says):
        await read(data)


@pytest.mark.parametrize("unit", [b"x", b'"', b",", b"\x00", b'"\n', b"a\n", b"\xff", b'"a"x'])
async def test_memory_is_bounded(unit: bytes) -> None:
    """However a file of one megabyte is crafted, reading it takes little memory."""

    async def hostile() -> AsyncIterator[bytes]:
        yield HEADER.encode() + b"\n"
        for _ in range(4):
            yield unit * ((1 << 17) // len(unit))

    tracemalloc.start()
    try:
        async for rows in FileReader(Format("utf-8")).rows(hostile()):
            for _ in rows:
                pass
    except ImportUnreadable:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # A block of line breaks makes many lines, each of which is an object.
    assert peak < 40_000_000


async def test_too_many_cells() -> None:
    """A row with more cells than the header is refused unless they are blank; a shorter one is padded."""
    _, rows = await read(f"{HEADER}\n{ANA},,\n{ANA},more\nBen Li,ben@acme.example\n")
    assert [[problem.code for problem in row.problems] for row in rows] == [[], ["TOO_MANY_CELLS"], []]
    assert len(rows[2].cells) == 7


async def test_blank_and_clear() -> None:
    """A blank cell keeps the value; the marker clears it."""
    _, rows = await read(f"{HEADER},Manager,Groups\nAna,a@b.example,Ana,Li,[clear], ,,[CLEAR],A;B ; ;\n")
    assert rows[0].fields["company"] is None
    assert "jobTitle" not in rows[0].fields
    assert rows[0].manager == ""
    assert rows[0].groups == ["A", "B"]


@given(st.text() | st.from_regex(r"'*([=+\-@\t\r].*|\[clear\])"))
def test_escape_round_trip(value: str) -> None:
    """Every value can be read back from its cell, and no cell starts a formula."""
    cell = escape(value)
    assert unescape(cell) == value
    assert cell[:1] not in tuple("=+-@\t\r")


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.lists(TEXT, min_size=2, max_size=4), max_size=8), st.integers(1, 9), st.sampled_from(",;\t|"))
def test_records_in_any_pieces(table: list[list[str]], size: int, delimiter: str) -> None:
    """A table written by `csv` is parsed alike, however the text is cut into pieces."""
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(table)
    text = file.getvalue()
    assert parsed(text, delimiter, size) == table


@given(st.text(st.sampled_from('",;\r\n\0aé ')), st.integers(1, 9))
def test_wild_text(text: str, size: int) -> None:
    """Any text is parsed the same in pieces as at once."""
    assert parsed(text, ",", size) == parsed(text, ",", len(text) or 1)


def parsed(text: str, delimiter: str, size: int) -> Sequence[list[str]]:
    records = Records(delimiter)
    found = [cells for start in range(0, len(text), size) for _, cells in records.feed(text[start : start + size])]
    return found + [cells for _, cells in records.feed("", last=True)]


@given(st.binary(max_size=400))
async def test_wild_bytes(data: bytes) -> None:
    """Any bytes after a header are either rows or an expected error."""
    for mark in (b"", b"\xef\xbb\xbf"):
        with suppress(ImportUnreadable):
            await read(mark + HEADER.encode() + b"\n" + data, 50)


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=4))
async def test_addresses_are_those_of_the_rows(cells: list[tuple[str, str, str]]) -> None:
    """The fast way to read the addresses of a file finds the same ones as its rows."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("EmailAddress", "Aliases", "DisplayName"), *cells])
    how = Format("utf-8", ",", needed=("emailAddress",))
    rows = [row async for rows in FileReader(how).rows(pieces(file.getvalue().encode())) for row in rows]
    fast = [each async for found in FileReader(how).addresses(pieces(file.getvalue().encode())) for each in found]
    assert fast == [(row.place, list(row.addresses)) for row in rows]


def test_longest_record() -> None:
    """A record can be as long as all fields at their maximum lengths."""
    assert MAX_RECORD > 4 * (10_000 + 200 * 320 + 5_000) - 60_000
