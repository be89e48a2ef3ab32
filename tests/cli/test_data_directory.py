"""Commands use the data of a service: they never create a new, empty database where they are started."""

import sys
from pathlib import Path

import pytest

from cli import main

COMMANDS = (["stats"], ["import", "contacts.csv"], ["export", "-"], ["import", "contacts.csv", "--dry-run"])


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("named", [False, True])
def test_commands_create_no_database(
    arguments: list[str], named: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Started elsewhere, a command says where it looked, names the option, and leaves nothing behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONTACTS_MONGODB_URI", raising=False)
    (tmp_path / "contacts.csv").write_text("DisplayName,EmailAddress,FirstName,LastName\n")
    place = tmp_path / ("elsewhere" if named else ".contacts")
    options = ["--data-dir", str(place)] if named else []
    monkeypatch.setattr(sys, "argv", ["contacts", *arguments, *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert str(ended.value.code).startswith(f"contacts: There is no contacts database in {place}.")
    assert "--data-dir" in str(ended.value.code)
    assert not place.exists()


def test_an_empty_folder_is_no_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder that no service has used contains no database."""
    monkeypatch.delenv("CONTACTS_MONGODB_URI", raising=False)
    monkeypatch.setattr(sys, "argv", ["contacts", "stats", "--data-dir", str(tmp_path)])
    with pytest.raises(SystemExit, match="There is no contacts database"):
        main()
    assert list(tmp_path.iterdir()) == []
