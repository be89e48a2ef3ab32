"""The test command: failed tests run once more, alone, and those that then pass are listed as flaky."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RUN = "import pathlib, sys, dev; dev.PYTHON = pathlib.Path(sys.executable); sys.exit(dev.run_tests(sys.argv[1:]))"

START = """
import os
from pathlib import Path

import pytest


def is_first(name):
    file = Path(__file__).with_name(name)
    if file.exists():
        assert os.environ["PYTEST_XDIST_WORKER_COUNT"] == "1"
        return False
    file.touch()
    return True


def test_good():
    pass


def test_once():
    assert not is_first("once")
"""
FLAKY = """
@pytest.fixture
def setup():
    assert not is_first("setup")


@pytest.fixture
def teardown():
    yield
    assert not is_first("teardown")


def test_setup(setup):
    pass


@pytest.mark.parametrize("text", ["a b::[c]"])
def test_teardown(teardown, text):
    pass


def test_crash():
    if is_first("crash"):
        os._exit(1)
"""
BROKEN = """
def test_never():
    raise AssertionError


def test_crash():
    os._exit(1)


def test_skipped_then():
    assert not is_first("skipped")
    pytest.skip("as it likes")
"""
CUT_SHORT = """
def test_crash():
    if is_first("crash"):
        os._exit(1)


def test_after():
    raise AssertionError
"""
INTERRUPTED = """
def test_interrupted():
    if is_first("interrupted"):
        raise KeyboardInterrupt
"""


def run(folder: Path, code: str, *options: str, workers: int = 2, **environment: str) -> tuple[int, list[str]]:
    """Run tests with this code like `dev.py test`, and return the exit code and the lines of output."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(code)
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    only_xdist = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p xdist"}  # others take their time
    ended = subprocess.run(
        [sys.executable, "-c", RUN, *options],
        cwd=folder,
        env=own | only_xdist | {"PYTHONPATH": str(ROOT), "PYTEST_XDIST_AUTO_NUM_WORKERS": str(workers)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout.splitlines()


def test_flaky(tmp_path: Path) -> None:
    """A test that fails or crashes only once is flaky: the run succeeds, and its last lines list it."""
    code, lines = run(tmp_path, START + FLAKY)
    assert code == 0, lines
    assert " 1 passed, 4 flaky in " in lines[-5]
    assert lines[-5].startswith("====")
    names = ["crash", "once", "setup", "teardown[a b::[c]]"]
    assert sorted(lines[-4:]) == [f"flaky: test_it.py::test_{name}" for name in names]


def test_tests_of_one_name(tmp_path: Path) -> None:
    """Tests that share a name, as plugins make them, all count as run."""
    (tmp_path / "conftest.py").write_text("def pytest_collection_modifyitems(items): items.append(items[0])")
    code, lines = run(tmp_path, START)
    assert code == 0, lines
    assert lines[-1] == "flaky: test_it.py::test_once"


def test_broken(tmp_path: Path) -> None:
    """A test that fails or crashes again, or is skipped then, fails the run; flaky tests are listed all the same."""
    code, lines = run(tmp_path, START + BROKEN)
    assert code == 1, lines
    assert " 3 failed, 1 passed, 1 flaky in " in lines[-2]
    assert lines[-1] == "flaky: test_it.py::test_once"


def test_success(tmp_path: Path) -> None:
    """A run without failures ends like pytest's."""
    (tmp_path / "once").touch()
    code, lines = run(tmp_path, START, workers=1)
    assert code == 0, lines
    assert " 2 passed in " in lines[-2]
    assert lines[-1].startswith("--- pytest: ")


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        (START + CUT_SHORT, 1),  # a worker that isn't replaced leaves tests that have not run
        (START + INTERRUPTED, 2),
        ("import nowhere", 1),
        ("", 5),
    ],
    ids=["cut short", "interrupted", "not collected", "no tests"],
)
def test_run_that_is_not_whole(tmp_path: Path, code: str, ends: int) -> None:
    """Only tests that failed in a complete run are run again: otherwise, the exit code stays the same."""
    (tmp_path / "test_too.py").write_text("def test_too(): pass\n" if "nowhere" in code else "")
    options = "-p xdist --max-worker-restart=0"
    ended, lines = run(tmp_path, code, workers=1, PYTEST_ADDOPTS=options)
    assert ended == ends, lines
    assert lines[-1].startswith("--- pytest: ")


def test_options(tmp_path: Path) -> None:
    """With options, the tests run as the options say, and nothing is run again."""
    code, lines = run(tmp_path, START, "-k", "once", "-n", "0")
    assert code == 1, lines
    assert " 1 failed, 1 deselected in " in lines[-2]
