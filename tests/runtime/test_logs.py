"""What the logs contain about a failure, and what they don't."""

import logging
from typing import Literal

import pytest
import structlog

from runtime import logs
from settings import Settings


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_values_stay_in_their_line(capsys: pytest.CaptureFixture[str], log_format: Literal["text", "json"]) -> None:
    """Paths and headers of clients can contain any character, but neither begin a line nor control a terminal."""
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        logs.configure(Settings(log_format=log_format))
        structlog.get_logger().warning("refused", a="\n2026 [info] well", b="\x1b[2J", c="\x85", d="\x9b2J", e="Zoë")
        shown = capsys.readouterr().err
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
        structlog.reset_defaults()
    assert len(shown.splitlines()) == 1
    assert {"\x1b", "\x9b"}.isdisjoint(shown)
    assert ("Zoë" in shown) == (log_format == "text")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_failures_are_logged_without_values(
    capsys: pytest.CaptureFixture[str], log_format: Literal["text", "json"]
) -> None:
    """A traceback names the failed lines, but not the values of variables."""
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        logs.configure(Settings(log_format=log_format))
        secret = "".join(["hun", "ter2"])
        try:
            raise ValueError(len(secret))
        except ValueError:
            structlog.get_logger().exception("failed")
        shown = capsys.readouterr().err
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
        structlog.reset_defaults()
    assert "ValueError" in shown
    assert "hunter2" not in shown
