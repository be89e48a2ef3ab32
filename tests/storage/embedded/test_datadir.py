"""Which directories are taken for the embedded MongoDB's data."""

from pathlib import Path

import pytest

from storage.embedded.datadir import DataDir
from storage.embedded.mongod import MongodError, embedded


@pytest.mark.parametrize("names", [["letter.txt"], ["db", "bin", "etc", "lib", "usr"], [".git"]], ids=str)
def test_directory_of_something_else(tmp_path: Path, names: list[str]) -> None:
    """A directory with other things in it, as a mistyped path names, is refused and left as it is."""
    for name in names:
        (tmp_path / name).mkdir()
    told = rf"{tmp_path} has other things in it: {min(set(names) - {'db'})}.*--data-dir"
    with pytest.raises(MongodError, match=told), embedded(tmp_path, exclusive=True):
        pass
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(names)


@pytest.mark.parametrize(
    "names", [[], ["lost+found"], ["db", "run"], ["db", "owner.lock", "mongod.log.1", "notes.txt"]], ids=str
)
def test_directory_of_ours(tmp_path: Path, names: list[str]) -> None:
    """An empty directory is taken, a new file system's too, and whatever an earlier start made or began to make."""
    for name in names:
        (tmp_path / name).touch() if "." in name else (tmp_path / name).mkdir()
    assert DataDir.opened(tmp_path).db.is_dir()
