"""The examples of a document, run one after the other against a real service, as a reader would run them.

`sh` blocks run in bash, `graphql` blocks are sent to the service, and `js` blocks run in `tests/node`, as do `bash`
blocks, which need a token. What nobody can run here is `text`. A variable of a GraphQL operation, such as `$group`, is
the id that the last answer with that name had.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import waiting
from tests.support.modules import ROOT
from tests.support.processes import free_port
from tests.support.service import Service

SHOWN_ADDRESS = "127.0.0.1:8000"
# These install into the checkout, run all tests, or load the demo that every document starts with.
BY_HAND = ("python3 dev.py ",)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """A block of a document."""

    language: str
    text: str

    @property
    def is_by_hand(self) -> bool:
        """Whether a test has nothing to run: each of the block's commands begins like one of those in `BY_HAND`."""
        return self.language == "sh" and all(line.startswith(BY_HAND) for line in self.text.splitlines())

    @property
    def is_signed_in(self) -> bool:
        """Whether the block is JavaScript that sends a token."""
        return self.language == "js" and ("./sign-in.js" in self.text or "./requests.js" in self.text)


def examples(document: Path, *languages: str) -> list[Example]:
    """The blocks in these languages, in order."""
    found = [Example(*each) for each in _BLOCK.findall(document.read_text(encoding="utf-8"))]
    return [each for each in found if each.language in languages]


class Reader:
    """A reader who follows a document, in a folder with the checkout's `.venv` and a service with demo data."""

    def __init__(self, folder: Path, running: Service) -> None:
        if shutil.which("curl") is None:
            pytest.skip("the examples need curl (Debian: apt-get install curl)")
        self._folder = folder
        self._url = running.url
        self._ids: dict[str, str] = {}
        (folder / ".venv").symlink_to(sys.prefix)
        # by default, curl treats an error response as a success
        (folder / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
        own = {name: value for name, value in os.environ.items() if not name.startswith("CONTACTS_")}
        self._environment = own | {"CURL_HOME": str(folder), "PYTHONPATH": str(ROOT)}

    def follow(self, example: Example) -> None:
        """Run an example, which must succeed."""
        if example.language == "graphql":
            self._ask(example.text)
        elif re.search(r"contacts serve\b", example.text):
            self._serve(example.text)
        else:
            self._run(example.text)

    def _run(self, script: str) -> None:
        script = script.replace(SHOWN_ADDRESS, self._url.removeprefix("http://"))
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=waiting.SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"

    def _serve(self, script: str) -> None:
        """Start a service as shown, but on its own port. It must serve, and exit cleanly on Ctrl+C."""
        port = free_port()
        with subprocess.Popen(
            ["bash", "-e", "-c", script],
            cwd=self._folder,
            env=self._environment | {"CONTACTS_PORT": str(port)},
            start_new_session=True,
        ) as process:
            try:
                waiting.wait_until(lambda: _is_ready(process, f"http://127.0.0.1:{port}/readyz"))
                os.killpg(process.pid, signal.SIGINT)
                assert process.wait(waiting.SECONDS) == 0
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def _ask(self, operation: str) -> None:
        names = re.findall(r"\$(\w+):", operation)
        body = {"query": operation, "variables": {name: self._ids[name] for name in names}}
        answer = httpx.post(f"{self._url}/graphql", json=body, timeout=waiting.SECONDS).json()
        assert "errors" not in answer, f"{operation}\n{answer}"
        for name, result in answer["data"].items():
            assert result is not None, f"{name} is null:\n{operation}"
            assert not (isinstance(result, dict) and "code" in result), f"{operation}\n{answer}"
        self._ids |= dict(_ids(answer["data"]))


# Responses are as varied as requests.
def _ids(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The IDs of objects in a response, by the names of their fields."""
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _ids(value)
            if "id" in value:
                yield name, value["id"]


def _is_ready(process: subprocess.Popen[bytes], url: str) -> bool:
    assert process.poll() is None, "the service ended while starting"
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False
