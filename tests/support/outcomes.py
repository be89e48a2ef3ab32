"""A pytest plugin that says what became of each test, for `dev.py` to run again those that failed.

`--outcomes FILE` writes it there as JSON, by node id: passed, failed or skipped. Nothing is written if a test could not
be collected or did not run at all, as a run that was cut short says nothing of the rest.
"""

import json
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--outcomes", type=Path, metavar="FILE", help="Write what became of each test to FILE, as JSON.")


def pytest_configure(config: pytest.Config) -> None:
    """Listen where the reports of all workers arrive."""
    if (file := config.getoption("outcomes")) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcomes(file))


class Outcomes:
    """The outcome of each test that was run."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: dict[str, str] = {}
        self._is_whole = True
        self._ended = 0

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record that something cannot be collected."""
        self._is_whole = self._is_whole and not report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record the outcome of a test's setup, call or teardown. The first failure counts."""
        if self._found.get(report.nodeid, "passed") == "passed" or report.failed:
            self._found[report.nodeid] = report.outcome
        self._ended += report.when not in ("setup", "call")  # a crash, too; tests may share an id

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the outcomes if they are those of all tests."""
        if self._is_whole and self._ended == session.testscollected:
            self._file.write_text(json.dumps(self._found))
