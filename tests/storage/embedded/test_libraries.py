"""The libraries of the embedded MongoDB, on machines that have them and on those that lack one.

An empty file that stands before a library on LD_LIBRARY_PATH takes it away.
"""

import os
import subprocess
import sys
from pathlib import Path
from platform import machine
from tempfile import TemporaryDirectory

import pytest

from storage.embedded.libraries import LibraryMissing, environment
from storage.embedded.mongod import MongodError, embedded
from tests.support.bare_mongod import BINARY

pytestmark = pytest.mark.skipif(
    (sys.platform, machine()) != ("linux", "x86_64"), reason="pycurl's libcurl is used on Linux on x86-64 only"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory for mongod with a colon in its path, which LD_LIBRARY_PATH cannot contain."""
    folder = tmp_path / "a:b"
    folder.mkdir()
    return folder


@pytest.fixture
def without_libcurl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system has no libcurl."""
    take_away("libcurl.so.4", tmp_path, monkeypatch)


def take_away(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / library).touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))


@pytest.mark.usefixtures("without_libcurl")
def test_libcurl_of_pycurl(folder: Path) -> None:
    """If the system has no libcurl, MongoDB loads pycurl's, also when started again."""
    for _ in range(2):
        variables = environment(BINARY, folder)
        subprocess.run([BINARY, "--version"], cwd=folder, env=variables, check=True)
    assert (folder / "libcurl.so.4").readlink().parent.name == "pycurl.libs"


@pytest.mark.usefixtures("without_libcurl")
def test_libcurl_of_the_system(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the environment has a libcurl, it is not changed."""
    monkeypatch.setenv("LD_LIBRARY_PATH", environment(BINARY, folder)["LD_LIBRARY_PATH"])
    assert environment(BINARY, folder) == dict(os.environ)


@pytest.mark.usefixtures("without_libcurl")
def test_embedded_mongodb_with_libcurl_of_pycurl() -> None:
    """The embedded MongoDB runs with it, and the linker's warning is not reported as the reason for an exit."""
    with TemporaryDirectory(prefix="contacts-test-") as data_dir:
        with embedded(Path(data_dir), exclusive=True, cache_gb=0.25):
            pass
        Path(data_dir, "db", "WiredTiger.turtle").write_text("nonsense")
        with (
            pytest.raises(MongodError, match=r"exited with code .* while starting.*mongod\.log.*WiredTiger"),
            embedded(Path(data_dir), exclusive=True, cache_gb=0.25),
        ):
            pass


@pytest.mark.usefixtures("without_libcurl")
def test_no_libcurl_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pycurl, the message names the library and what to install."""
    monkeypatch.setattr(sys, "path", [])  # where installed packages are found
    with pytest.raises(LibraryMissing, match=r"libcurl\.so\.4: .* apt-get install libcurl4"):
        environment(BINARY, folder)


def test_other_library_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another library is missing, the message names it and says what to do."""
    take_away("liblzma.so.5", tmp_path, monkeypatch)
    with (
        pytest.raises(MongodError, match=r"liblzma\.so\.5: .* liblzma5\), or .* CONTACTS_MONGODB_URI"),
        embedded(tmp_path / "data", exclusive=True),
    ):
        pass
