"""Pages that Vite's development server serves on a port of its own, with the proxy that the docs recommend."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import websockets

from storage.driver import Database
from tests.support import waiting
from tests.support.examples import SHOWN_ADDRESS, examples
from tests.support.graphql_transport_ws import connect
from tests.support.modules import ROOT
from tests.support.node import Node

pytestmark = pytest.mark.node

PACKAGES = ROOT / "graphiql" / "node_modules"
CONFIG = next(
    example.text for example in examples(ROOT / "docs" / "frontends.md", "text") if "vite.config.js" in example.text
)
# As in the short form, which has no place for ws.
CHANGED_ORIGIN = CONFIG.replace("ws: true", "ws: true, changeOrigin: true")
FORM = {"operations": (None, '{"query": "{ __typename }"}'), "map": (None, "{}")}


@contextmanager
def vite(node: Node, folder: Path, config: str, service_url: str) -> Iterator[str]:
    """The address of a development server with this configuration, as a browser sees it."""
    if not (PACKAGES / "vite").exists():
        pytest.skip("needs the packages of GraphiQL: run npm ci in the folder graphiql")
    (folder / "vite.config.js").write_text(config.replace(SHOWN_ADDRESS, service_url.removeprefix("http://")))
    (folder / "index.html").write_text("<!doctype html><title>A page</title>")
    (folder / "node_modules").symlink_to(PACKAGES)
    with node.started("vite.mjs", str(folder)) as running:
        assert running.stdout is not None
        yield json.loads(running.stdout.readline())["url"]


async def test_proxy_of_the_docs(node: Node, service_url: str, db: Database, tmp_path: Path) -> None:
    """Behind the proxy of the docs, the page's queries, uploads, REST calls and WebSockets work, with Vite's origin."""
    with vite(node, tmp_path, CONFIG, service_url) as page:
        async with httpx.AsyncClient(base_url=page, headers={"Origin": page}, timeout=waiting.SECONDS) as http:
            assert "A page" in (await http.get("/", headers={"Accept": "text/html"})).text
            answer = await http.post("/graphql", json={"query": "{ __typename }"})
            assert answer.json()["data"] == {"__typename": "Query"}
            assert (await http.post("/graphql", files=FORM)).json()["data"] == {"__typename": "Query"}
            assert (await http.get("/api/identity/contacts")).json()["totalCount"] == 0
        async with connect(page, origin=page) as client:
            await client.initialize()
            await client.subscribe("1", "subscription { contactStatsChanged { total } }")
            assert await client.data("1") == {"contactStatsChanged": {"total": 0}}


async def test_other_host_at_the_proxy(node: Node, service_url: str, db: Database, tmp_path: Path) -> None:
    """With `changeOrigin`, which the docs warn of, uploads and WebSockets look like those of another site."""
    with vite(node, tmp_path, CHANGED_ORIGIN, service_url) as page:
        async with httpx.AsyncClient(base_url=page, headers={"Origin": page}, timeout=waiting.SECONDS) as http:
            assert (await http.post("/graphql", json={"query": "{ __typename }"})).status_code == 200
            assert (await http.post("/graphql", files=FORM)).status_code == 403
        with pytest.raises(websockets.InvalidStatus, match="403"):
            async with connect(page, origin=page):
                pass
