"""Uploads: forms of the GraphQL multipart request specification, and invalid ones."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import orjson
import pytest

from settings import Settings
from storage.driver import Database
from tests.support import waiting
from tests.support.graphql_http import ANSWER, QUERY, RESPONSE_JSON, message, post
from tests.support.service import served

# What clients may do with the fields of the form.
Form = Mapping[str, Any]
OPERATIONS = {"query": QUERY, "variables": {"file": None}}


async def upload(client: httpx.AsyncClient, form: Form, files: Form | None = None, **headers: str) -> httpx.Response:
    """The response to a form with files."""
    sent = {name: (None, value) for name, value in form.items()} | dict(files or {})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/graphql", files=sent, headers=named)


FILE = {"0": ("people.csv", b"DisplayName,EmailAddress\n", "text/csv")}
MAP = orjson.dumps({"0": ["variables.file"]})


async def test_upload(client: httpx.AsyncClient) -> None:
    """A form of the GraphQL multipart request specification is read as the request that it describes."""
    response = await upload(client, {"operations": orjson.dumps(OPERATIONS), "map": MAP}, FILE)
    assert response.json() == ANSWER


async def test_upload_takes_the_place_of_null(client: httpx.AsyncClient) -> None:
    """A file is where the map says, so the schema refuses it where a text is expected."""
    operations = {"query": "query ($file: String) { contacts(search: $file) { totalCount } }", "variables": {}}
    form = {"operations": orjson.dumps({**operations, "variables": {"file": None}}), "map": MAP}
    response = await upload(client, form, FILE, accept=RESPONSE_JSON)
    assert response.status_code == 400
    assert "$file" in message(response)


@pytest.mark.parametrize(
    ("form", "files", "why"),
    [
        ({}, FILE, "'operations'"),
        ({"operations": orjson.dumps(OPERATIONS)}, FILE, "'map'"),
        ({"map": MAP}, FILE, "'operations'"),
        ({"operations": b"{", "map": MAP}, FILE, "operations is not valid JSON"),
        ({"operations": orjson.dumps(OPERATIONS), "map": b"{"}, FILE, "map is not valid JSON"),
        ({"operations": b"[]", "map": MAP}, FILE, "must be JSON objects"),
        ({"operations": orjson.dumps(OPERATIONS), "map": b"[]"}, FILE, "must be JSON objects"),
        ({"operations": orjson.dumps(OPERATIONS), "map": MAP}, {}, "was not sent"),
        ({"operations": orjson.dumps(OPERATIONS), "map": b'{"1": ["variables.file"]}'}, FILE, "was not sent"),
        ({"operations": orjson.dumps(OPERATIONS), "map": b'{"0": ["variables.other.file"]}'}, FILE, "path"),
        ({"operations": orjson.dumps(OPERATIONS), "map": b'{"0": ["variables.file.0"]}'}, FILE, "path"),
        ({"operations": orjson.dumps(OPERATIONS), "map": b'{"0": ["query.0"]}'}, FILE, "path"),
        ({"operations": orjson.dumps(OPERATIONS), "map": b'{"0": ["query"]}'}, FILE, "query is missing"),
        ({"operations": orjson.dumps(OPERATIONS), "map": b'{"0": ["variables"]}'}, FILE, "variables must be"),
        ({"operations": orjson.dumps(OPERATIONS), "map": b'{"0": 1}'}, FILE, "path"),
        ({"operations": orjson.dumps(OPERATIONS), "map": b'{"0": [1]}'}, FILE, "path"),
        ({"operations": orjson.dumps(OPERATIONS), "map": b'{"0": null}'}, FILE, "path"),
        ({"operations": orjson.dumps({"query": 1}), "map": b"{}"}, FILE, "query is missing"),
        ({"operations": orjson.dumps(OPERATIONS), "map": b"{}"}, {str(n): ("a", b"") for n in range(11)}, "malformed"),
        ({"operations": orjson.dumps(OPERATIONS) + b" " * 1_100_000, "map": MAP}, FILE, "malformed"),
    ],
)
async def test_malformed_uploads(client: httpx.AsyncClient, form: Form, files: Form, why: str) -> None:
    """Mistakes in a form are reported."""
    response = await upload(client, form, files)
    assert response.status_code == 400
    assert why in message(response)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "multipart/form-data"),
        (b"", "multipart/form-data; boundary=x"),
        (b"nonsense", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\nvalue\r\n--x--", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\xff", "multipart/form-data; boundary=x; charset=no"),
    ],
)
async def test_broken_forms(client: httpx.AsyncClient, content: bytes, kind: str) -> None:
    """Other bodies are refused."""
    assert (await post(client, content, content_type=kind)).status_code == 400


async def test_uploads_from_other_sites(client: httpx.AsyncClient) -> None:
    """Pages of other sites cannot send a form without a header that requires a preflight request."""
    form = {"operations": orjson.dumps(OPERATIONS), "map": MAP}
    for origin in ("https://evil.example", "null", "http://contacts.example:81"):
        response = await upload(client, form, FILE, origin=origin)
        assert response.status_code == 403
        assert "GraphQL-Require-Preflight" in message(response)
        for header in ("GraphQL-Require-Preflight", "Apollo-Require-Preflight"):
            assert (await upload(client, form, FILE, origin=origin, **{header: "true"})).json() == ANSWER
    assert (await upload(client, form, FILE, origin="http://contacts.example")).json() == ANSWER


async def test_large_uploads(settings: Settings, db: Database) -> None:
    """An upload above the limit is refused, by its declared length or when it exceeds the limit."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="0"; filename="a"\r\n\r\n'
        for _ in range(20):
            yield b"a" * 65_536

    limited = settings.model_copy(update={"max_import_bytes": 1_100_000})
    headers = {"content-type": "multipart/form-data; boundary=x"}
    async with served(limited) as (_, url), httpx.AsyncClient(base_url=url, timeout=waiting.SECONDS) as client:
        for content in (b" " * 1_100_001, chunks()):
            response = await client.post("/graphql", content=content, headers=headers)
            assert response.status_code == 413
            assert "1,100,000" in message(response)
