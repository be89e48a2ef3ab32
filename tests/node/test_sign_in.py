"""The examples of the docs that sign in: clients in JavaScript, and a script with curl, with a real provider."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from settings import Settings
from storage.driver import Database
from tests.support import waiting
from tests.support.examples import SHOWN_ADDRESS, examples
from tests.support.modules import ROOT
from tests.support.node import FOLDER, Node
from tests.support.provider import Provider, provider, signing_in
from tests.support.service import served

pytestmark = pytest.mark.node

PAGE = ROOT / "docs" / "frontends.md"
REQUESTS, *CLIENTS = [example.text for example in examples(PAGE, "js") if example.is_signed_in]
# The example with Relay ends with the environment. Relay's compiler makes such requests.
USE_RELAY = """
const request = (operationKind, text) => {
  const compiled = { operationKind, name: 'Example', cacheID: text, text, metadata: {} };
  return environment.getNetwork().execute(compiled, {}, { force: true });
};
request('subscription', 'subscription { contactStatsChanged { total } }').subscribe({
  next: async ({ data }) => {
    const answer = await request('query', '{ contactStats { total } }').toPromise();
    console.log(answer.data.contactStats.total + data.contactStatsChanged.total);
  },
});
"""


@pytest.fixture(scope="module")
def issuing() -> Iterator[Provider]:
    with provider() as running:
        yield running


@pytest.fixture
async def address(settings: Settings, db: Database, issuing: Provider) -> AsyncIterator[str]:
    """The host and port of a service that requires a sign-in."""
    async with served(signing_in(settings, issuing.issuer)) as (_, url):
        yield url.removeprefix("http://")


@pytest.mark.parametrize("example", CLIENTS, ids=["apollo", "urql", "relay"])
async def test_clients(node: Node, tmp_path: Path, address: str, issuing: Provider, example: str) -> None:
    """Each client of the docs prints the number of contacts, with the token of a person."""
    (tmp_path / "node_modules").symlink_to(FOLDER / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "sign-in.js").write_text(
        "import WebSocket from 'ws';\n"
        "globalThis.WebSocket = WebSocket;\n"  # as in browsers
        f"export const accessToken = async () => {json.dumps(issuing.sign_in('rita').access)};\n"
    )
    (tmp_path / "requests.js").write_text(REQUESTS.replace(SHOWN_ADDRESS, address))
    script = tmp_path / "client.js"
    script.write_text(example + (USE_RELAY if "relay-runtime" in example else ""))
    assert await asyncio.to_thread(node.first_line, str(script)) == "0"


async def test_script(tmp_path: Path, address: str, issuing: Provider) -> None:
    """The script of the docs signs in as an app, and reads with GraphQL and REST."""
    if shutil.which("curl") is None:
        pytest.skip("the examples need curl (Debian: apt-get install curl)")
    (example,) = examples(PAGE, "bash")
    (tmp_path / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    own = {
        "CURL_HOME": str(tmp_path),
        "TOKEN_ENDPOINT": f"{issuing.issuer}/token",
        "CLIENT_ID": "reader-app",
        "CLIENT_SECRET": "reader-app-secret",
    }
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-e", "-o", "pipefail", "-c", example.text.replace(SHOWN_ADDRESS, address)],
        env=os.environ | own,
        capture_output=True,
        text=True,
        timeout=waiting.SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"viewer":{"name":"Reader app","role":"READER"}' in done.stdout
    assert '"totalCount":0' in done.stdout
