"""`contacts import` and `contacts export` as an administrator runs them."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import transfer
from resolvers import groups
from resolvers.caller import Caller, Role
from storage.changes import Author
from storage.driver import Database
from tests.support.environment import DRIVER
from tests.support.importing import HEADER

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("db")]
FILE = f"{HEADER}\nAna Li,ana@a.example,Ana,Li,Acme,,\nBen Li,nowhere,Ben,Li,,,\n"


@pytest.fixture
def environment(mongodb_uri: str, database_name: str) -> dict[str, str]:
    """The environment variables for the test's database."""
    return {
        **os.environ,
        "CONTACTS_MONGODB_URI": mongodb_uri,
        "CONTACTS_DATABASE": database_name,
        "CONTACTS_DRIVER": DRIVER,
    }


def contacts(environment: dict[str, str], *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-c", "import cli; cli.main()", *arguments]
    root = Path(__file__).parents[2]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, env=environment, cwd=root, encoding="utf-8", check=False
    )


async def test_import_and_export(environment: dict[str, str], tmp_path: Path, db: Database) -> None:
    """A file is imported, its failed rows are written to a file, and importing the export changes nothing."""
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
    """A dry run of standard input shows what it would do, and changes nothing."""
    done = contacts(environment, "import", "-", "--dry-run", "--column", "EmailAddress=EmailAddress", text=FILE)
    assert "Dry run" in done.stdout
    assert "1 created, 1 failed" in done.stdout
    assert await db.contacts.count_documents({}) == 0


async def test_dry_run_row_by_row(environment: dict[str, str], tmp_path: Path, db: Database) -> None:
    """A dry run prints the outcomes of the first rows, and writes those of all rows to a file on request."""
    (tmp_path / "in.csv").write_text(FILE)
    contacts(environment, "import", str(tmp_path / "in.csv"))
    changed, report = tmp_path / "changed.csv", tmp_path / "report.csv"
    rows = "".join(f"P {n},p{n}@a.example,P,{n},,,\n" for n in range(30))
    changed.write_text(FILE.replace("Acme", "Bmce") + rows)
    done = contacts(
        environment, "import", str(changed), "--dry-run", "--on-match", "update", "--report", str(report), "--bom"
    )
    assert "line 2 updated: ana@a.example (company: 'Acme' → 'Bmce')" in done.stdout
    assert "line 3 failed: nowhere" in done.stdout
    assert "p20@a.example" not in done.stdout
    assert "… and more" in done.stdout
    with report.open(newline="", encoding="utf-8-sig") as file:
        ana, ben, *others = csv.DictReader(file)
    assert (ana["Line"], ana["Outcome"], ana["Changes"]) == ("2", "UPDATED", "company: 'Acme' → 'Bmce'")
    assert (ben["Outcome"], ben["EmailAddress"]) == ("FAILED", "nowhere")
    assert "not a valid email address" in ben["Reason"]
    assert len(others) == 30


async def test_export_options(environment: dict[str, str], db: Database) -> None:
    """An export can be filtered and sorted, and groups and managers can be given by name or address."""
    header = f"{HEADER},Country,Manager,Groups"
    tester = Caller(db, Author("tester", "cli"), Role.ADMIN)
    await groups.create_group(tester, {"displayName": "Partners", "emailAddress": "partners@a.example"})
    rows = ["Ana Li,ana@a.example,Ana,Li,Acme,CTO,,ES,,Partners", "Ben Li,ben@b.example,Ben,Li,,,,DE,ana@a.example,"]
    done = contacts(environment, "import", "-", "--delimiter", "comma", text="\n".join([header, *rows, ""]))
    assert "2 created" in done.stdout, done.stdout + done.stderr

    def exported(*options: str) -> list[str]:
        done = contacts(environment, "export", "-", "--columns", "EmailAddress", *options)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[1:]

    ana, ben = "ana@a.example", "ben@b.example"
    assert exported("--order-by", "-emailAddress") == [ben, ana]
    assert exported("--job-title", "cto", "--country", "es", "--domain", "a.example") == [ana]
    assert exported("--group", "partners") == exported("--group", "partners@a.example") == [ana]
    assert exported("--manager", ana) == [ben]
    for options in (("--group", "Nobody"), ("--manager", "nobody@a.example"), ("--order-by", "shoe")):
        done = contacts(environment, "export", "-", *options)
        assert (done.returncode != 0, "Traceback" in done.stderr) == (True, False)


def test_an_export_that_fails_leaves_what_was_there(environment: dict[str, str], tmp_path: Path) -> None:
    """The file of an earlier export stays until a new one is complete."""
    file = tmp_path / "contacts.csv"
    file.write_text("old")
    file.chmod(0o640)
    assert contacts(environment, "export", str(file), "--columns", "Shoe").returncode == 1
    assert contacts(environment, "export", str(file), "--group", "Nobody").returncode == 1
    assert file.read_text() == "old"
    assert contacts(environment, "export", str(file)).returncode == 0
    assert file.read_text().startswith(HEADER)
    assert (file.stat().st_mode & 0o777, os.listdir(tmp_path)) == (0o640, ["contacts.csv"])
    assert contacts(environment, "export", "/dev/null").returncode == 0
    assert not Path("/dev/null").is_file()


def test_a_file_that_is_cut_off_is_not_left(tmp_path: Path) -> None:
    """A file gets its name when it is complete; a failure keeps the existing file and leaves nothing else behind."""
    file = tmp_path / "contacts.csv"
    file.write_text("old")

    def interrupted() -> None:
        with transfer.written(file) as target:
            target.write(b"half of the new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (file.read_text(), os.listdir(tmp_path)) == ("old", ["contacts.csv"])


def test_what_cannot_be_imported(environment: dict[str, str], tmp_path: Path) -> None:
    """A file that does not exist or has no contacts is rejected with a one-line message."""
    for path, says in ((__file__, "no known column"), (str(tmp_path / "none.csv"), "No such file")):
        done = contacts(environment, "import", path)
        assert done.returncode == 1
        assert says in done.stderr
        assert "Traceback" not in done.stderr
    done = contacts(environment, "export", "-", "--columns", "Shoe")
    assert "There is no column 'Shoe'" in done.stderr
