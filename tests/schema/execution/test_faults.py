"""The error codes of requests."""

import re
from typing import Any

import httpx
import pytest

from schema.execution import faults

QUERY = "{ __typename }"
JSON = {"content-type": "application/json"}
CREATE = 'mutation { createGroup(input: {displayName: "A", emailAddress: "a@b.example"}) { __typename } }'
FIRST = "query ($first: Int!) { contacts(first: $first) { nodes { id } } }"


# Codes with tests of their own.
ELSEWHERE = {
    "RATE_LIMITED",
    "TOO_MANY_OPERATIONS",
    "TIMEOUT",
    "INTROSPECTION_DISABLED",
    "PERSISTED_QUERY_NOT_SUPPORTED",
    "QUERY_NOT_IN_SAFELIST",
    "UNAVAILABLE",
    "INTERNAL",
    "FORBIDDEN",
}
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("POST", {"content": b"{", "headers": JSON}, "MALFORMED"),
    ("POST", {"json": [{"query": QUERY}]}, "MALFORMED"),
    ("POST", {"json": {"query": QUERY, "variables": 1}}, "MALFORMED"),
    ("GET", {}, "MALFORMED"),
    ("POST", {"json": {"query": "{"}}, "PARSE_FAILED"),
    ("POST", {"json": {"query": "{ nothing nowhere }"}}, "VALIDATION_FAILED"),
    ("POST", {"json": {"query": "query A { __typename }", "operationName": "B"}}, "UNKNOWN_OPERATION"),
    ("POST", {"json": {"query": "query A { __typename } query B { __typename }"}}, "UNKNOWN_OPERATION"),
    ("POST", {"json": {"query": FIRST}}, "INVALID_VARIABLES"),
    ("POST", {"json": {"query": FIRST, "variables": {"first": "x"}}}, "INVALID_VARIABLES"),
    ("POST", {"json": {"query": FIRST, "variables": {"first": 501}}}, "INVALID"),
    ("POST", {"json": {"query": "{" + " a" * 6_000 + "}"}}, "TOO_LARGE"),
    ("POST", {"json": {"query": "{ contacts { nodes {" + "manager {" * 14 + "id" + "}" * 17}}, "TOO_LARGE"),
    ("POST", {"json": {"query": "{" + " __typename" * 101 + "}"}}, "TOO_LARGE"),
    ("POST", {"content": b" " * 2_000_000, "headers": JSON}, "TOO_LARGE"),
    ("POST", {"json": {"documentId": "nothing"}}, "PERSISTED_QUERY_NOT_FOUND"),
    ("POST", {"json": {"query": QUERY, "documentId": "sha256:0"}}, "PERSISTED_QUERY_HASH_MISMATCH"),
    ("GET", {"params": {"query": CREATE}}, "METHOD_NOT_ALLOWED"),
    ("PUT", {"json": {"query": QUERY}}, "METHOD_NOT_ALLOWED"),
    ("POST", {"json": {"query": "subscription { contactStatsChanged { total } }"}}, "WEBSOCKET_REQUIRED"),
    ("POST", {"json": {"query": QUERY}, "headers": {"accept": "image/png"}}, "NOT_ACCEPTABLE"),
    ("POST", {"content": b"{}", "headers": {"content-type": "text/plain"}}, "UNSUPPORTED_MEDIA_TYPE"),
    ("POST", {"files": {"0": b"x"}, "headers": {"origin": "https://other.example"}}, "FOREIGN_ORIGIN"),
    ("POST", {"json": {"query": QUERY}, "headers": {"authorization": "Bearer x"}}, "UNAUTHENTICATED"),
]


@pytest.mark.parametrize(
    ("method", "request_", "code"), CASES, ids=lambda value: None if isinstance(value, dict) else value
)
async def test_codes(client: httpx.AsyncClient, method: str, request_: dict[str, Any], code: str) -> None:
    """Every error of a request has the right code."""
    errors = (await client.request(method, "/graphql", **request_)).json()["errors"]
    assert {each["extensions"]["code"] for each in errors} == {code}


def test_codes_are_listed() -> None:
    """The list that the README links to contains every code with its meaning."""
    listed = re.findall(r"^    ([A-Z_]+) +\w", faults.__doc__ or "", re.MULTILINE)
    given = {code for _, _, code in CASES} | ELSEWHERE
    assert sorted(listed) == sorted(given - {"INVALID"})
