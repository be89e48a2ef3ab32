"""`contacts import` and `contacts export`, as an administrator runs them."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.driver import Database
from tests.conftest import DRIVER
from tests.resolvers.importing import HEADER

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("db")]
FILE = f"{HEADER}\nAna Li,ana@a.example,Ana,Li,Acme,,\nBen Li,nowhere,Ben,Li,,,\n"


@pytest.fixture
def environment(mongodb_uri: str, database_name: str) -> dict[str, str]:
    """The variables that name the test's database."""
    return {
        **os.environ,
        "CONTACTS_MONGODB_URI": mongodb_uri,
        "CONTACTS_DATABASE": database_name,
        "CONTACTS_DRIVER": DRIVER,
    }


def contacts(environment: dict[str, str], *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-c", "import cli; cli.main()", *arguments]
    root = Path(__file__).parent.parent
    return subprocess.run(
        command, input=text, capture_output=True, text=True, env=environment, cwd=root, encoding="utf-8", check=False
    )


async def test_import_and_export(environment: dict[str, str], tmp_path: Path, db: Database) -> None:
    """A file is imported, its refused rows are kept in a file, and the export, imported, changes nothing."""
    file, failed, exported = (tmp_path / name for name in ("in.csv", "failed.csv", "out.csv"))
    file.write_text(FILE)
    done = contacts(environment, "import", str(file), "--failed", str(failed))
    assert done.returncode == 1, done.stderr
    assert "succeeded: 1 created, 1 failed" in done.stdout
    assert "line 3 EmailAddress: SYNTAX" in done.stdout
    assert "2 rows, utf-8, delimiter comma" in done.stderr
    with failed.open(newline="") as rows:
        assert [row["DisplayName"] for row in csv.DictReader(rows)] == ["Ben Li"]
    assert contacts(environment, "export", str(exported), "--company", "acme").returncode == 0
    assert exported.read_text().startswith(HEADER)
    again = contacts(environment, "import", str(exported), "--on-match", "update")
    assert (again.returncode, await db.contacts.count_documents({})) == (0, 1)
    assert "1 unchanged" in again.stdout


async def test_dry_run_from_standard_input(environment: dict[str, str], db: Database) -> None:
    """A dry run of standard input tells what it would do, and does nothing."""
    done = contacts(environment, "import", "-", "--dry-run", "--column", "EmailAddress=EmailAddress", text=FILE)
    assert "Dry run" in done.stdout
    assert "1 created, 1 failed" in done.stdout
    assert await db.contacts.count_documents({}) == 0


def test_what_cannot_be_imported(environment: dict[str, str], tmp_path: Path) -> None:
    """What is no table of contacts, or not there, is refused in one line."""
    for path, says in ((__file__, "names no column"), (str(tmp_path / "none.csv"), "No such file")):
        done = contacts(environment, "import", path)
        assert done.returncode == 1
        assert says in done.stderr
        assert "Traceback" not in done.stderr
    done = contacts(environment, "export", "-", "--columns", "Shoe")
    assert "There is no column 'Shoe'" in done.stderr
