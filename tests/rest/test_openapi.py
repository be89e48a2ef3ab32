"""The OpenAPI document: it is complete and agrees with the running service."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
import yaml
from httpx import AsyncClient
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

import rest
from resolvers import rules
from resolvers.caller import Caller
from resolvers.files import text
from resolvers.files.records import DELIMITER_NAMES
from rest import audit_parameters, import_parameters, openapi, parameters, problems
from rest.representation import READ_ONLY, STORED
from storage.documents import Document, new_id
from tests.support import waiting
from tests.support.rest import CONTACTS, path, synced

URL = "/api/identity/openapi.json"
# The service under test has no sign-in.
DOCUMENT = openapi.document(requires_token=False)
SCHEMAS = DOCUMENT["components"]["schemas"]
CONTACT_EXAMPLE, CREATE_EXAMPLE, UPDATE_EXAMPLE = (
    SCHEMAS[name]["examples"][0] for name in ("Contact", "NewContact", "ContactChanges")
)


def resolved(node: Document) -> Document:
    """A part of the document, with references resolved."""
    found = node
    if "$ref" in node:
        found = DOCUMENT
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
    return found


def operations() -> Iterator[tuple[str, str, Document]]:
    """All operations of the document, with their paths and methods."""
    for url, item in DOCUMENT["paths"].items():
        yield from ((url, method, item[method]) for method in item if method != "parameters")


def described_parameters(url: str, method: str = "get") -> dict[str, Document]:
    """The query parameters of an operation, by name."""
    found = map(resolved, DOCUMENT["paths"][url][method].get("parameters", ()))
    return {each["name"]: each for each in found if each["in"] == "query"}


async def test_document_is_served(client: AsyncClient) -> None:
    """The service serves its own description."""
    answer = await client.get(URL)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == DOCUMENT


@pytest.mark.parametrize(
    "document", [DOCUMENT, yaml.safe_load(openapi.SOURCE.read_text(encoding="utf-8"))], ids=["served", "written"]
)
def test_document_is_valid(document: Document) -> None:
    """The document is valid OpenAPI 3.1, as served and as written."""
    assert document["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(document).validate()


def test_keys_are_given_once() -> None:
    """No mapping has duplicate keys: YAML would silently use the last one."""
    waiting = [yaml.compose(openapi.SOURCE.read_text(encoding="utf-8"))]
    while waiting:
        match waiting.pop():
            case yaml.MappingNode(value=pairs):
                keys = [key.value for key, _ in pairs]
                assert sorted(keys) == sorted(set(keys))
                waiting += [value for _, value in pairs]
            case yaml.SequenceNode(value=items):
                waiting += items


def test_everything_is_filled_in() -> None:
    """The served document contains no placeholders of the source."""
    assert "x-from" not in str(DOCUMENT)


def test_every_operation_is_described() -> None:
    """All paths and methods are described, and no others."""
    served = {
        (route.path, method.lower())
        for route in rest.routes()
        for method in route.methods or ()
        if method not in ("HEAD", "OPTIONS") and route.path != URL
    }
    assert served == {(url, method) for url, method, _ in operations()}


@pytest.mark.parametrize(
    ("url", "method", "known"),
    [
        (CONTACTS, "get", parameters.LIST),
        (f"{CONTACTS}/export", "get", import_parameters.EXPORT),
        (f"{CONTACTS}/bulk", "post", import_parameters.IMPORT),
        (f"{CONTACTS}/imports", "get", import_parameters.PAGE),
        ("/api/identity/audit", "get", (*audit_parameters.FILTERS, *import_parameters.PAGE)),
        ("/api/identity/audit/export", "get", tuple(audit_parameters.FILTERS)),
        (f"{CONTACTS}/imports/{{id}}/problems", "get", import_parameters.PAGE),
        (f"{CONTACTS}/imports/{{id}}/outcomes", "get", import_parameters.PAGE),
    ],
)
def test_every_parameter_is_described(url: str, method: str, known: tuple[str, ...]) -> None:
    """Each path accepts the query parameters in the document, and no others."""
    assert list(described_parameters(url, method)) == list(known)


def test_choices_are_those_that_are_known() -> None:
    """The values of a parameter in the document are those that the service accepts."""
    found = described_parameters(CONTACTS) | described_parameters(f"{CONTACTS}/bulk", "post")
    assert {name: each["schema"]["enum"] for name, each in found.items() if "enum" in each["schema"]} == {
        "source": [*parameters.SOURCES],
        "gal": [*parameters.GALS],
        "orderBy": parameters.ORDER_VALUES,
        "onMatch": [*import_parameters.ON_MATCH],
        "errorPolicy": [*import_parameters.ERROR_POLICY],
        "encoding": [*text.ENCODINGS],
        "delimiter": [*DELIMITER_NAMES],
    }


def test_options_of_an_import_are_those_of_its_form() -> None:
    """A form has the same options as the query, with the same schemas."""
    form = DOCUMENT["paths"][f"{CONTACTS}/bulk"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    options = {name: each["schema"] for name, each in described_parameters(f"{CONTACTS}/bulk", "post").items()}
    assert form["properties"] == {"file": form["properties"]["file"], **options}


def test_everything_has_a_description() -> None:
    """Each operation, parameter, response and property of a contact has a description."""
    for _, _, operation in operations():
        assert operation["summary"]
        assert all(resolved(each)["description"] for each in operation["responses"].values())
        assert all(resolved(each)["description"] for each in operation.get("parameters", ()))
    for name in ("Contact", "NewContact", "ContactChanges"):
        properties = SCHEMAS[name]["properties"]
        assert [key for key, schema in properties.items() if not schema.get("description")] == []


def test_limits_are_those_of_the_rules() -> None:
    """The lengths in the document are those that the service enforces."""
    new, address = SCHEMAS["NewContact"], SCHEMAS["PostalAddressInput"]
    for name, limit in rules.LENGTHS.items():
        assert new["properties"][name]["maxLength"] == limit
    for name, limit in rules.ADDRESS_LENGTHS.items():
        assert address["properties"][name]["maxLength"] == limit
    assert set(new["required"]) == set(rules.REQUIRED)
    assert new["properties"].keys() == {*rules.FIELDS, "gal"}
    assert SCHEMAS["ContactChanges"]["properties"].keys() == {*rules.FIELDS, "gal", *READ_ONLY}


async def test_answers_have_the_properties_described(client: AsyncClient, sync_caller: Caller) -> None:
    """A contact, its postal address and its identity in Active Directory have exactly the documented properties."""
    created = (await client.post(CONTACTS, json=CREATE_EXAMPLE)).json()
    found = (await client.get(f"{CONTACTS}/{await synced(sync_caller)}")).json()
    for answer, name in (
        (created, "Contact"),
        (found, "Contact"),
        (created["address"], "PostalAddress"),
        (found["onPremises"], "OnPremises"),
    ):
        assert answer.keys() == SCHEMAS[name]["properties"].keys() == set(SCHEMAS[name]["required"])
    assert created.keys() == {*STORED, "id", "editable"}


async def test_examples_are_true(client: AsyncClient) -> None:
    """The examples of requests are accepted, and the responses are like the examples."""
    created = await client.post(CONTACTS, json=CREATE_EXAMPLE)
    assert created.status_code == 201
    given = {name: created.json()[name] for name in ("id", "createdAt", "updatedAt")}
    assert created.json() == {**CONTACT_EXAMPLE, **given}
    assert (await client.put(path(created.json()), json=UPDATE_EXAMPLE)).status_code == 200


def test_every_problem_is_described() -> None:
    """The codes are those that REST returns, and each response has an example of its status."""
    assert SCHEMAS["Problem"]["properties"]["code"]["enum"] == problems.CODES
    answered = {(status, kind.code) for kind, status in problems.STATUSES.items()} | problems.HTTP_CODES.items()
    for _, _, operation in operations():
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                example = resolved(response)["content"][problems.MEDIA_TYPE]["example"]
                assert (int(status), example["code"]) in answered
                assert example["status"] == int(status)
                assert example.keys() <= SCHEMAS["Problem"]["properties"].keys()


def test_references_lead_somewhere() -> None:
    """Every `$ref` is defined, and every component is used."""
    used = set(re.findall(r"#/components/\w+/\w+", str(DOCUMENT)))
    defined = {f"#/components/{kind}/{name}" for kind, named in DOCUMENT["components"].items() for name in named}
    used |= {f"#/components/securitySchemes/{name}" for need in openapi.document()["security"] for name in need}
    assert used == defined


# Conditions are checked before the body, so an invalid body may get 412.
EXPECTED = {"negative_data_rejection": {"expected-statuses": [400, 404, 405, 409, 412, 415, 422]}}
described = schemathesis.openapi.from_dict(
    DOCUMENT, config=schemathesis.Config.from_dict({"checks": EXPECTED, "request-timeout": waiting.SECONDS})
)


def fetch_existing(service_url: str) -> str:
    """The ID of a new contact."""
    sent = {**CREATE_EXAMPLE, "emailAddress": f"{new_id()}@acme.example", "aliases": []}
    answer = httpx.post(service_url + CONTACTS, json=sent, timeout=waiting.SECONDS)
    assert answer.status_code == 201
    return str(answer.json()["id"])


def depends_on_data(case: Case[Any]) -> bool:
    """Whether no schema can tell if a request is acceptable: it names a page, a manager, a version, GAL twice, columns
    or a key, or is a file.
    """
    body = case.body if isinstance(case.body, dict) else {}
    return bool(
        {"cursor", "columns"} & case.query.keys()
        or case.path.endswith("/bulk")
        or body.get("managerId")
        or {"gal", "showInGal"} <= body.keys()
        or {"If-Match", "If-None-Match", "Idempotency-Key"} & case.headers.keys()
    )


@pytest.mark.slow
@pytest.mark.usefixtures("db")
@described.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_service_is_as_described(case: Case[Any], service_url: str) -> None:
    """Whatever the request, the service responds as documented: status, headers, media type, body."""
    if len(str(case.path_parameters.get("id", "-"))) % 2 == 0:
        case.path_parameters["id"] = fetch_existing(service_url)
    excluded: list[Any] = [positive_data_acceptance] if depends_on_data(case) else []
    case.call_and_validate(base_url=service_url, excluded_checks=excluded)
