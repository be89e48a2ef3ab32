"""Which directories are accepted as data directories of the embedded MongoDB."""

from pathlib import Path

import pytest

from storage.embedded.datadir import DataDir
from storage.embedded.mongod import MongodError, embedded


@pytest.mark.parametrize("names", [["letter.txt"], ["db", "bin", "etc", "lib", "usr"], [".git"]], ids=str)
def test_directory_of_something_else(tmp_path: Path, names: list[str]) -> None:
    """A directory that contains other files, such as one named by a typo, is refused and left as it is."""
    for name in names:
        (tmp_path / name).mkdir()
    message = rf"{tmp_path} contains other files: {min(set(names) - {'db'})}.*--data-dir"
    with pytest.raises(MongodError, match=message), embedded(tmp_path, exclusive=True):
        pass
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(names)


@pytest.mark.parametrize(
    "names", [[], ["lost+found"], ["db", "run"], ["db", "owner.lock", "mongod.log.1", "notes.txt"]], ids=str
)
def test_directory_of_ours(tmp_path: Path, names: list[str]) -> None:
    """An empty directory is accepted, also a new file system, and one that an earlier start created, even partly."""
    for name in names:
        (tmp_path / name).touch() if "." in name else (tmp_path / name).mkdir()
    assert DataDir.opened(tmp_path).db.is_dir()
