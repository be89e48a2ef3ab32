"""The clients and tools of frontend developers, run with the service and its schema."""

import asyncio
import shutil
from pathlib import Path

import pytest

from storage.driver import Database
from tests.support.examples import SHOWN_ADDRESS, examples
from tests.support.modules import ROOT
from tests.support.node import FOLDER, Node

DOCUMENTS = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if examples(page, "js")]

pytestmark = pytest.mark.node


@pytest.mark.parametrize("script", ["graphql_ws.mjs", "urql.mjs", "apollo.mjs"])
async def test_client(node: Node, service_url: str, db: Database, script: str) -> None:
    """A client, set up as in its documentation, gets a list, a mutation's result and events, and a problem."""
    found = await asyncio.to_thread(node.report, script, f"{service_url}/graphql")
    assert found["before"]["contactStatsChanged"]["total"] == 0
    assert found["created"]["createContact"]["__typename"] == "CreateContactSuccess"
    ada = found["created"]["createContact"]["contact"]
    told = found["told"]["contactChanged"]
    assert (told["action"], told["contactId"], told["contact"]) == ("CREATED", ada["id"], ada)
    assert [edge["node"] for edge in found["listed"]["contacts"]["edges"]] == [ada]
    assert found["refused"]
    if "after" in found:
        assert found["after"]["contactStatsChanged"]["total"] == 1


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
async def test_documents(node: Node, service_url: str, db: Database, generated: Path, page: Path) -> None:
    """Each subscription in the docs prints the current value. `test_sign_in` runs the others."""
    websocket = "import WebSocket from 'ws';\nglobalThis.WebSocket = WebSocket;\n"  # as in browsers
    for number, example in enumerate(each for each in examples(page, "js") if not each.is_signed_in):
        script = generated / f"example{number}.mjs"
        script.write_text(websocket + example.text.replace(SHOWN_ADDRESS, service_url.removeprefix("http://")))
        assert await asyncio.to_thread(node.first_line, str(script)) == "0"


async def test_http_audits(node: Node, service_url: str, db: Database) -> None:
    """GraphQL over HTTP: every audit of the specification passes, including the optional ones."""
    found = await asyncio.to_thread(node.report, "audit.mjs", f"{service_url}/graphql")
    assert found["failed"] == []
    assert found["audits"] > 60


def test_typescript(node: Node, generated: Path) -> None:
    """GraphQL Code Generator generates types for the schema and a frontend's operations, and they are correct."""
    node.run("codegen.mjs", str(generated))
    shutil.copy(FOLDER / "usage.ts", generated)
    options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "preserve", "--target", "es2022"]
    node.run("node_modules/typescript/bin/tsc", *options, str(generated / "usage.ts"))


def test_relay(node: Node, generated: Path) -> None:
    """Relay's compiler accepts our connections, nodes and events."""
    node.run("node_modules/relay-compiler/cli.js", "relay.config.json")
    made = {path.name for path in (generated / "relay").rglob("*.graphql.js")}
    assert {"ContactListPaginationQuery.graphql.js", "ContactListReportsQuery.graphql.js"} <= made
