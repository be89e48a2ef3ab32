"""The OpenAPI document: complete, and true of the running service."""

import re
from typing import Any

import httpx
import pytest
import schemathesis
from httpx import AsyncClient
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

import rest
from resolvers import rules
from rest import openapi, openapi_parts, parameters
from rest.openapi_schemas import CONTACT_EXAMPLE, CREATE_EXAMPLE, UPDATE_EXAMPLE
from storage.documents import new_id
from tests.rest.test_contacts import CONTACTS, path

DOCUMENT = "/api/identity/openapi.json"


async def test_document_is_served(client: AsyncClient) -> None:
    """The service hands out its own description."""
    answer = await client.get(DOCUMENT)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == openapi.document()


def test_every_operation_is_described() -> None:
    """No path and no method is left out, and none is described that there is not."""
    served = {
        (route.path, method.lower())
        for route in rest.routes()
        for method in route.methods or ()
        if method not in ("HEAD", "OPTIONS") and route.path != DOCUMENT
    }
    described = {(each, method) for each, item in openapi.paths().items() for method in item if method != "parameters"}
    assert served == described


def test_every_parameter_of_the_list_is_described() -> None:
    """The list knows the parameters that the document names, and no others."""
    assert [each["name"] for each in openapi_parts.list_parameters()] == list(parameters.LIST)


def test_everything_has_a_description() -> None:
    """Each operation, parameter, response and writable field says what it is."""
    for item in openapi.paths().values():
        for method, operation in item.items():
            if method == "parameters":
                continue
            assert operation["summary"]
            assert all("description" in each or "$ref" in each for each in operation["responses"].values())
            assert all(each["description"] for each in operation.get("parameters", ()))
    for name in ("Contact", "NewContact", "ContactChanges"):
        properties = openapi.document()["components"]["schemas"][name]["properties"]
        assert [key for key, schema in properties.items() if not schema.get("description")] == []


def test_limits_are_those_of_the_rules() -> None:
    """The lengths that the document tells are those that are enforced."""
    schemas = openapi.document()["components"]["schemas"]
    for name, limit in rules.LENGTHS.items():
        assert schemas["NewContact"]["properties"][name]["maxLength"] == limit
    assert schemas["NewContact"]["required"] == list(rules.REQUIRED)
    assert schemas["NewContact"]["properties"].keys() == {*rules.FIELDS, "gal"}


async def test_examples_are_true(client: AsyncClient) -> None:
    """What the document shows as a request is accepted, and what it shows as the answer is what comes."""
    created = await client.post(CONTACTS, json=CREATE_EXAMPLE)
    assert created.status_code == 201
    given = {name: created.json()[name] for name in ("id", "createdAt", "updatedAt")}
    assert created.json() == {**CONTACT_EXAMPLE, **given}
    assert (await client.put(path(created.json()), json=UPDATE_EXAMPLE)).status_code == 200


def test_references_lead_somewhere() -> None:
    """Every `$ref` of the document is defined in it, and every component is used."""
    document = openapi.document()
    used = set(re.findall(r"#/components/\w+/\w+", str(document)))
    defined = {f"#/components/{kind}/{name}" for kind, named in document["components"].items() for name in named}
    assert used == defined


# A condition is looked at before the body, so that 412 may answer a body that is none.
EXPECTED = {"negative_data_rejection": {"expected-statuses": [400, 404, 405, 409, 412, 415, 422]}}
described = schemathesis.openapi.from_dict(
    openapi.document(), config=schemathesis.Config.from_dict({"checks": EXPECTED})
)


def fetch_existing(service_url: str) -> str:
    """The id of a new contact."""
    sent = {**CREATE_EXAMPLE, "emailAddress": f"{new_id()}@acme.example", "aliases": []}
    answer = httpx.post(service_url + CONTACTS, json=sent)
    assert answer.status_code == 201
    return str(answer.json()["id"])


def depends_on_data(case: Case[Any]) -> bool:
    """Whether no schema can tell if a request is acceptable: it names a page, a manager, a version, GAL twice, columns,
    or is a file.
    """
    body = case.body if isinstance(case.body, dict) else {}
    return bool(
        {"cursor", "columns"} & case.query.keys()
        or case.path.endswith("/bulk")
        or body.get("managerId")
        or {"gal", "showInGal"} <= body.keys()
        or {"If-Match", "If-None-Match"} & case.headers.keys()
    )


@pytest.mark.slow
@pytest.mark.usefixtures("db")
@described.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_service_is_as_described(case: Case[Any], service_url: str) -> None:
    """Whatever the document allows or forbids, the service answers as it says: status, headers, media type, body."""
    if len(str(case.path_parameters.get("id", "-"))) % 2 == 0:
        case.path_parameters["id"] = fetch_existing(service_url)
    excluded: list[Any] = [positive_data_acceptance] if depends_on_data(case) else []
    case.call_and_validate(base_url=service_url, excluded_checks=excluded)
