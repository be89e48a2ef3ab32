"""What commands print: results on standard output, everything else on standard error."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.embedded.mongod import embedded


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that no process uses, as left by a service."""
    folder = tmp_path_factory.mktemp("output") / "data"
    with embedded(folder, exclusive=True, cache_gb=0.25):
        pass
    return folder


def printed(data_dir: Path, *arguments: str) -> str:
    """The standard output of a command while no service is running."""
    command = [sys.executable, "-c", "from cli import main; main()", *arguments, "--data-dir", str(data_dir)]
    own = {name: value for name, value in os.environ.items() if not name.startswith("CONTACTS_")}
    done = subprocess.run(command, env=own, capture_output=True, text=True, check=True)
    assert "started embedded MongoDB" in done.stderr
    return done.stdout


def test_stats(data_dir: Path) -> None:
    """The statistics are JSON that other programs can read."""
    assert json.loads(printed(data_dir, "stats")) == {"total": 0, "synced": 0, "cloudOnly": 0, "hiddenFromGal": 0}


def test_export(data_dir: Path) -> None:
    """An export to standard output contains the file and nothing else."""
    (header,) = csv.reader(io.StringIO(printed(data_dir, "export", "-")))
    assert header[:2] == ["DisplayName", "EmailAddress"]
