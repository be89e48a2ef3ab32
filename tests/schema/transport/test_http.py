"""GraphQL over HTTP: what is accepted, what is refused, and the media types of responses."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import orjson
import pytest
from graphql import get_introspection_query
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from schema.transport import page
from settings import Settings
from storage import contacts, statistics
from storage.driver import Unavailable
from tests.support.graphql_http import ANSWER, JSON, QUERY, RESPONSE_JSON, message, post
from tests.support.people import person

CREATE = "mutation ($input: CreateContactInput!) { createContact(input: $input) { __typename } }"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (RESPONSE_JSON, RESPONSE_JSON),
        (RESPONSE_JSON.upper(), RESPONSE_JSON),
        (f"{RESPONSE_JSON}, {JSON}", RESPONSE_JSON),
        (f"{JSON}, {RESPONSE_JSON}", RESPONSE_JSON),
        (f"{RESPONSE_JSON};q=0.5, {JSON};q=0.9", JSON),
        (f"{JSON}; charset=utf-8; q=0.5, {RESPONSE_JSON}; charset=utf-8", RESPONSE_JSON),
        (f"{RESPONSE_JSON};q=0.8, */*", JSON),
        (f"{RESPONSE_JSON}, */*;q=0.1", RESPONSE_JSON),
        (f"{JSON};q=0, */*", RESPONSE_JSON),
        (f"{RESPONSE_JSON};q=0, {JSON};q=0.001", JSON),
        ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
        (f"text/event-stream, {RESPONSE_JSON}, {JSON};q=0.9", RESPONSE_JSON),
        (f"{RESPONSE_JSON};q=nonsense, {JSON}", JSON),
    ],
)
async def test_media_type(client: httpx.AsyncClient, accept: str | None, media_type: str) -> None:
    """The response has the media type that the client prefers, by default plain JSON."""
    request = client.build_request("POST", "/graphql", json={"query": QUERY})
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    response = await client.send(request)
    assert response.status_code == 200
    assert response.headers["content-type"].partition(";")[0] == media_type
    assert response.json() == ANSWER


@pytest.mark.parametrize("accept", ["text/html", "text/*", f"{JSON};q=0", "*/*;q=0", "image/png, text/plain;q=0.5"])
async def test_unacceptable(client: httpx.AsyncClient, accept: str) -> None:
    """If a client accepts neither media type, the error lists them."""
    response = await post(client, orjson.dumps({"query": QUERY}), accept=accept)
    assert response.status_code == 406
    assert RESPONSE_JSON in message(response)


async def test_get(client: httpx.AsyncClient) -> None:
    """A query can be sent in the URL, with its variables and operation name."""
    response = await client.get(
        "/graphql",
        params={
            "query": "query A { __typename } query B($first: Int) { contacts(first: $first) { nodes { id } } }",
            "variables": '{"first": 1}',
            "operationName": "B",
        },
    )
    assert response.json()["data"] == {"contacts": {"nodes": []}}


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({}, "query is missing"),
        ({"query": " "}, "query is missing"),
        ({"query": QUERY, "variables": "{"}, "variables is not valid JSON"),
        ({"query": QUERY, "variables": "[]"}, "variables must be"),
        ({"query": QUERY, "extensions": "1"}, "extensions must be"),
    ],
)
async def test_broken_get(client: httpx.AsyncClient, params: Mapping[str, str], why: str) -> None:
    """Mistakes in the URL are reported."""
    response = await client.get("/graphql", params=params)
    assert response.status_code == 400
    assert why in message(response)


@pytest.mark.parametrize("accept", [JSON, RESPONSE_JSON])
async def test_mutation_over_get(client: httpx.AsyncClient, accept: str) -> None:
    """GET cannot change anything: the error says what to use instead."""
    query = CREATE.replace("($input: CreateContactInput!)", "").replace(
        "$input", '{firstName: "A", lastName: "B", displayName: "A B", emailAddress: "a@partner.example"}'
    )
    response = await client.get("/graphql", params={"query": query}, headers={"accept": accept})
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert "POST" in message(response)
    assert (await client.post("/graphql", json={"query": QUERY})).json() == ANSWER


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
async def test_other_methods(client: httpx.AsyncClient, method: str) -> None:
    """Only GET and POST are supported."""
    response = await client.request(method, "/graphql")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


async def test_trailing_slash(client: httpx.AsyncClient) -> None:
    """A request to the path with a trailing slash is redirected to the one without."""
    for answer in (await client.post("/graphql/?x=1", json={}), await client.get("/graphql/?x=1")):
        assert answer.status_code == 307
        assert answer.headers["Location"] == "http://contacts.example/graphql?x=1"


@pytest.mark.parametrize("accept", [JSON, RESPONSE_JSON])
async def test_subscription_over_http(client: httpx.AsyncClient, accept: str) -> None:
    """A subscription is refused, and the error says what to use instead."""
    query = "subscription { contactStatsChanged { total } }"
    response = await post(client, orjson.dumps({"query": query}), accept=accept)
    assert response.status_code == 400
    assert "WebSocket" in message(response)
    assert "data" not in response.json()
    response = await client.get("/graphql", params={"query": query})
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("{", "Syntax Error"),
        ("{ nothing }", "Cannot query field 'nothing'"),
        ("{ contactStat { total } }", "Did you mean 'contactStats'"),
        ("query A { __typename } query B { __typename }", "operation name"),
        ("query ($first: Int!) { contacts(first: $first) { nodes { id } } }", "$first"),
        ("fragment F on Contact { id }", "never used"),
    ],
)
async def test_request_errors(client: httpx.AsyncClient, query: str, why: str) -> None:
    """A request that cannot be executed has no data, and the status for its media type."""
    for accept, status in ((RESPONSE_JSON, 400), (JSON, 200)):
        response = await post(client, orjson.dumps({"query": query}), accept=accept)
        assert response.status_code == status
        assert why in response.json()["errors"][0]["message"]
        assert "data" not in response.json()


async def test_unknown_operation_name(client: httpx.AsyncClient) -> None:
    """The named operation is run, and no other."""
    body = orjson.dumps({"query": "query A { __typename }", "operationName": "B"})
    response = await post(client, body, accept=RESPONSE_JSON)
    assert response.status_code == 400
    assert "'B'" in message(response)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not valid JSON"),
        (b"no", "not valid JSON"),
        (b"null", "JSON object"),
        (b"1", "JSON object"),
        (b'"{ __typename }"', "JSON object"),
        (b"{}", "query is missing"),
        (b'{"query": 1}', "query is missing"),
        (b'{"query": null}', "query is missing"),
        (b'{"query": "\xff"}', "not valid JSON in UTF-8"),
        (b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 5_000 + b"}}", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a":' * 100_000, "not valid JSON"),
        (b'{"query": "\\ud800"}', "not valid JSON"),
        (b"[1, 2]", "Batches"),
        (b'[{"query": "{ __typename }"}]', "Batches"),
        (b"[]", "Batches"),
        (b'{"query": "{ __typename }", "variables": []}', "variables must be"),
        (b'{"query": "{ __typename }", "variables": "{}"}', "variables must be"),
        (b'{"query": "{ __typename }", "operationName": 1}', "operationName must be"),
        (b'{"query": "{ __typename }", "extensions": "x"}', "extensions must be"),
    ],
    ids=lambda value: str(value[:40]),
)
async def test_malformed_bodies(client: httpx.AsyncClient, body: bytes, why: str) -> None:
    """A body that isn't a GraphQL request is refused with the reason, whatever the Accept header."""
    for accept in (JSON, RESPONSE_JSON):
        response = await post(client, body, accept=accept)
        assert response.status_code == 400
        assert why in message(response)


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/graphql"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/jsonx"},
        {"content-type": ""},
        {"content-encoding": "gzip"},
    ],
)
async def test_other_types(client: httpx.AsyncClient, headers: Mapping[str, str]) -> None:
    """A body must be plain JSON in UTF-8, which pages of other sites can only send after a preflight request."""
    response = await post(client, orjson.dumps({"query": QUERY}), **headers)
    assert response.status_code == 415
    assert "Send " in message(response)


async def test_charset_may_be_named(client: httpx.AsyncClient) -> None:
    """JSON is in UTF-8 and may declare it."""
    response = await post(
        client, orjson.dumps({"query": QUERY}), **{"content-type": 'Application/JSON; Charset="UTF-8"'}
    )
    assert response.json() == ANSWER


async def test_large_bodies(client: httpx.AsyncClient, settings: Settings) -> None:
    """A body above the limit is refused, by its declared length or when it exceeds the limit."""
    large = orjson.dumps({"query": QUERY + " " * settings.max_body_bytes})
    response = await post(client, large)
    assert response.status_code == 413
    assert "1,048,576" in message(response)

    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for start in range(0, 100 * len(large), 65_536):
            sent += 65_536
            yield b" " * min(65_536, 100 * len(large) - start)

    response = await client.post("/graphql", content=chunks(), headers={"content-type": JSON})
    assert response.status_code == 413
    assert sent < 2 * len(large)


async def test_chunked_body(client: httpx.AsyncClient) -> None:
    """A body can be sent in chunks."""

    async def chunks() -> AsyncIterator[bytes]:
        for byte in orjson.dumps({"query": QUERY}):
            yield bytes([byte])

    response = await client.post("/graphql", content=chunks(), headers={"content-type": JSON})
    assert response.json() == ANSWER


async def test_client_that_leaves(application: httpx.ASGITransport) -> None:
    """A client that disconnects in the middle of its body is not an error of the service."""
    messages = iter(
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}],
    )
    headers = [(b"host", b"contacts.example"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        raise AssertionError(message)

    with capture_logs() as logs:
        await application.app(scope, receive, send)
    assert logs == []


async def test_introspection(client: httpx.AsyncClient) -> None:
    """The introspection queries of GraphiQL and other tools are within the limits."""
    query = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    response = await post(client, orjson.dumps({"query": query}))
    names = {kind["name"] for kind in response.json()["data"]["__schema"]["types"]}
    assert {"Contact", "Subscription", "ContactChangeEvent"} <= names


async def test_unreachable_database(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database doesn't answer, clients only get an error that says to try again."""

    async def unreachable(*_: object, **__: object) -> None:
        raise Unavailable[0]("10.0.0.1: connection refused")

    monkeypatch.setattr("storage.statistics.read", unreachable)
    answer = await client.post("/graphql", json={"query": "{ contactStats { total } }"})
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert "Try again" in error["message"]
    assert "10.0.0.1" not in answer.text


async def test_defects_are_masked(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error is logged with its traceback; the client gets the request ID and the other fields."""

    async def fail(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(contacts, "by_address", fail)
    query = '{ contact(emailAddress: "a@partner.example") { id } contactStats { total } }'
    with capture_logs() as logs:
        response = await post(client, orjson.dumps({"query": query}), accept=RESPONSE_JSON, x_request_id="abc-1")
    assert response.status_code == 200
    body = response.json()
    assert body["data"] == {"contact": None, "contactStats": {"total": 0}}
    (error,) = body["errors"]
    assert error["path"] == ["contact"]
    assert error["extensions"] == {"code": "INTERNAL", "requestId": "abc-1"}
    assert "abc-1" in error["message"]
    assert "a secret" not in response.text
    assert [str(entry["exc_info"]) for entry in logs if entry["log_level"] == "error"] == ["a secret"]


async def test_defect_of_a_required_field(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a non-null field fails, the request was still executed: its data is null."""

    async def fail(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(statistics, "read", fail)
    response = await post(client, orjson.dumps({"query": QUERY}), accept=RESPONSE_JSON)
    assert response.status_code == 200
    assert response.json()["data"] is None
    assert "a secret" not in response.text


async def test_refusals_outside_unions(client: httpx.AsyncClient) -> None:
    """A refused query is an error with its code that says what to do."""
    response = await post(client, orjson.dumps({"query": "{ contacts(first: 1000) { nodes { id } } }"}))
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "INVALID"}
    assert "0 to 500" in error["message"]


async def test_page_for_browsers(client: httpx.AsyncClient) -> None:
    """A browser that opens the URL gets GraphiQL, but a query in the URL gets its result."""
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    page = await client.get("/graphql", headers={"accept": accept})
    assert page.headers["content-type"].startswith(("text/html", "text/plain"))
    answer = await client.get("/graphql", params={"query": QUERY}, headers={"accept": accept})
    assert answer.json() == ANSWER


async def test_mutation(client: httpx.AsyncClient) -> None:
    """A mutation over POST is run."""
    body = {"query": CREATE, "variables": {"input": person()}}
    response = await client.post("/graphql", json=body, headers={"accept": RESPONSE_JSON})
    assert response.json()["data"] == {"createContact": {"__typename": "CreateContactSuccess"}}


_JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)
_REQUESTS = st.fixed_dictionaries(
    {
        "query": st.sampled_from(
            [QUERY, CREATE, "{ __typename }", "query ($a: ContactFilter) { contacts(filter: $a) { totalCount } }"]
        )
        | st.text()
    },
    optional={
        "variables": _JSON_VALUES | st.fixed_dictionaries({"a": _JSON_VALUES, "input": _JSON_VALUES}),
        "operationName": _JSON_VALUES,
        "extensions": _JSON_VALUES,
    },
)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(body=st.binary(max_size=200) | (_JSON_VALUES | _REQUESTS).map(lambda value: json.dumps(value).encode()))
@example(body=b'{"query": "{ __typename }", "variables": {"a": 1e999}}')
async def test_wild_bodies(client: httpx.AsyncClient, body: bytes) -> None:
    """No body makes the service fail."""
    for kind in (JSON, "multipart/form-data; boundary=x"):
        response = await post(client, body, content_type=kind, accept=RESPONSE_JSON)
        assert response.status_code in (200, 400)
        assert response.status_code == 200 or response.json()["errors"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_answers_are_not_shared(client: httpx.AsyncClient, method: str) -> None:
    """Caches in between do not keep the answer to one caller for another."""
    sent = {"query": "{ contactStats { total } }"}
    answer = await client.request(method, "/graphql", **{"params" if method == "GET" else "json": sent})  # type: ignore[arg-type]  # either takes it
    assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("addresses", "sources"),
    [
        ([], "'self'"),
        (
            ["https://login.example:8443/realms/company", "https://login.example:8443/token", "https://api.example/t"],
            "'self' https://login.example:8443 https://api.example",
        ),
        (["http://127.0.0.1:9000"], "'self' http://127.0.0.1:9000"),
    ],
)
def test_page_calls_the_provider_only(addresses: list[str], sources: str) -> None:
    """The page may connect to the service and the provider that signs users in, and to nothing else."""
    policy = page.csp(addresses)
    directives = dict(each.strip().split(" ", 1) for each in policy.split(";"))
    assert directives["connect-src"] == sources
    assert directives["default-src"] == "'self'"
