"""Persisted documents: trusted ones, and automatic persisted queries."""

import json
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from schema.execution.persisted import Registered
from settings import Settings
from storage.documents import new_id
from storage.driver import Database
from tests.support.configured import changed, configured
from tests.support.graphql_http import ANSWER, QUERY, RESPONSE_JSON
from tests.support.graphql_transport_ws import connected
from tests.support.service import served

TRUSTED = "query Trusted { viewer { __typename } }"
SUBSCRIPTION = "subscription { contactStatsChanged { total } }"
SHA = sha256(TRUSTED.encode()).hexdigest()
NAMED = {"data": {"viewer": {"__typename": "Viewer"}}}


def apq(named: str, /, **more: object) -> dict[str, Any]:
    """A request that names a query by its hash, as Apollo Client sends it."""
    digest = sha256(named.encode()).hexdigest()
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}, **more}


async def answer(client: httpx.AsyncClient, body: dict[str, Any], method: str = "POST") -> Any:
    """The answer to a request by POST or GET, without its cost."""
    if method == "GET":
        parameters = {name: each if isinstance(each, str) else json.dumps(each) for name, each in body.items()}
        found = (await client.get("/graphql", params=parameters)).json()
    else:
        found = (await client.post("/graphql", json=body)).json()
    found.pop("extensions", None)
    return found


async def refused(client: httpx.AsyncClient, body: dict[str, Any]) -> tuple[str, str]:
    """The code and message of the only error."""
    response = await client.post("/graphql", json=body, headers={"accept": RESPONSE_JSON})
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    return error["extensions"]["code"], error["message"]


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_automatic_persisted_queries(client: httpx.AsyncClient, method: str) -> None:
    """A client sends a query with its hash once, and from then on only the hash."""
    query = f"{QUERY} # {new_id()}"
    expected = ("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
    assert await refused(client, apq(query)) == expected
    registered = await answer(client, apq(query, query=query), method)
    assert registered["data"] == ANSWER["data"]
    assert await answer(client, apq(query), method) == registered
    digest = sha256(query.encode()).hexdigest()
    assert await answer(client, {"documentId": f"sha256:{digest}"}, method) == registered


async def test_invalid_documents_are_not_registered(client: httpx.AsyncClient) -> None:
    """Only documents that can be executed take room."""
    query = "{ nothing }"
    assert (await refused(client, apq(query, query=query)))[0] == "VALIDATION_FAILED"
    assert (await refused(client, apq(query)))[0] == "PERSISTED_QUERY_NOT_FOUND"


async def test_wrong_hash(client: httpx.AsyncClient) -> None:
    """Nobody can register a document under the hash of another one."""
    other = f"{QUERY} # {new_id()}"
    code, message = await refused(client, apq(other, query=QUERY))
    assert code == "PERSISTED_QUERY_HASH_MISMATCH"
    assert "provided sha does not match query" in message
    assert (await refused(client, apq(other)))[0] == "PERSISTED_QUERY_NOT_FOUND"


async def test_turned_off(settings: Settings, db: Database) -> None:
    """If they are turned off, clients are informed and send the query, which is executed."""
    async with configured(settings, persisted_queries="off") as client:
        assert await refused(client, apq(QUERY)) == ("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
        assert (await answer(client, apq(QUERY, query=QUERY)))["data"] == ANSWER["data"]
        assert (await refused(client, apq(QUERY)))[0] == "PERSISTED_QUERY_NOT_SUPPORTED"


@pytest.mark.parametrize(
    "body",
    [
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "a"}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"documentId": 1},
        {"documentId": ""},
        {"query": 1, "documentId": "a"},
    ],
)
async def test_malformed(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    """A request that names no document correctly is malformed."""
    assert (await refused(client, body))[0] == "MALFORMED"


def test_registered_documents_are_bounded() -> None:
    """The room for registered documents is bounded. The ones used last stay."""
    registered = Registered(100)
    for number in range(100):
        registered.add(str(number), f"{{ a{number} }}" + " " * 10)
        registered.get("0")
    assert registered.get("0")
    assert registered.get("99")
    assert sum(map(len, registered._documents.values())) <= 100
    registered.add("long", "x" * 20_001)
    assert registered.get("long") is None


FORMATS = {
    "relay": {md5(TRUSTED.encode(), usedforsecurity=False).hexdigest(): TRUSTED},
    "codegen": {SHA: TRUSTED, "other": SUBSCRIPTION},
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("name", ["documentId", "doc_id", "id"])
async def test_trusted_documents(
    settings: Settings, db: Database, tmp_path: Path, form: str, method: str, name: str
) -> None:
    """Clients name trusted documents by their IDs, or by their hashes, however they call them."""
    file = tmp_path / "documents.json"
    file.write_text(json.dumps(FORMATS[form]))
    for place in (file, tmp_path):
        async with configured(settings, trusted_documents=place) as client:
            assert await answer(client, {name: next(iter(FORMATS[form]))}, method) == NAMED
            assert await answer(client, {name: f"sha256:{SHA}"}, method) == NAMED
            assert await answer(client, apq(TRUSTED), method) == NAMED
            assert (await answer(client, {"query": QUERY}))["data"] == ANSWER["data"]


@pytest.fixture
async def restricted(settings: Settings, db: Database, tmp_path: Path) -> Settings:
    """Settings with which only two trusted documents are executed."""
    file = tmp_path / "documents.json"
    file.write_text(json.dumps(FORMATS["codegen"]))
    return changed(settings, trusted_documents=file, only_trusted_documents=True)


async def test_only_trusted_documents(restricted: Settings) -> None:
    """If only trusted documents are executed, all others are refused, even if they are valid or registered."""
    async with configured(restricted) as client:
        assert await answer(client, {"documentId": SHA}) == NAMED
        assert await answer(client, {"query": TRUSTED}) == NAMED
        assert await answer(client, apq(TRUSTED, query=TRUSTED)) == NAMED
        for body in ({"query": QUERY}, apq(QUERY, query=QUERY), {"query": QUERY, "documentId": SHA}, {"query": "{"}):
            code, message = await refused(client, body)
            assert code == "QUERY_NOT_IN_SAFELIST"
            assert "CONTACTS_TRUSTED_DOCUMENTS" in message
        assert (await refused(client, apq(QUERY)))[0] == "PERSISTED_QUERY_NOT_FOUND"


async def test_only_trusted_documents_over_websockets(restricted: Settings) -> None:
    """The same is true for WebSockets and subscriptions."""
    async with served(restricted) as (_, url), connected(url) as client:
        for number, payload in enumerate([{"documentId": SHA}, {"documentId": "other"}, apq(TRUSTED)]):
            await client.send({"type": "subscribe", "id": str(number), "payload": payload})
            assert (await client.message(str(number)))["type"] == "next"
        await client.subscribe("refused", QUERY)
        message = await client.message("refused")
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"] == {"code": "QUERY_NOT_IN_SAFELIST"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "JSON object of documents by ID"),
        ('{"a": 1}', "JSON object of documents by ID"),
    ],
)
def test_unreadable_documents(tmp_path: Path, content: str | None, why: str) -> None:
    """The service does not start with documents that it cannot read."""
    file = tmp_path / "documents.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValidationError, match=why):
        Settings(trusted_documents=file)


def test_unclear_documents(tmp_path: Path) -> None:
    """No two documents have one ID, and there is at least one file."""
    with pytest.raises(ValidationError, match="contains no JSON files"):
        Settings(trusted_documents=tmp_path)
    for name, query in (("a", QUERY), ("b", TRUSTED)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"same": query}))
    with pytest.raises(ValidationError, match="has another document with the ID same"):
        Settings(trusted_documents=tmp_path)
    with pytest.raises(ValidationError, match="CONTACTS_TRUSTED_DOCUMENTS is not set"):
        Settings(only_trusted_documents=True)


async def test_audit_log_has_the_document(settings: Settings, db: Database, tmp_path: Path) -> None:
    """If reads are recorded, the audit log has the fields of a document that a request only names."""
    file = tmp_path / "documents.json"
    file.write_text(json.dumps(FORMATS["relay"]))
    async with configured(settings, trusted_documents=file, audit_reads="on") as client:
        await answer(client, {"documentId": f"sha256:{SHA}"})
    entry = await db.audit.find_one({"action": "READ"})
    assert entry
    assert entry["details"]["fields"] == ["viewer"]
