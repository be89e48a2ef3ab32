"""What the logs contain about a failure, and what they don't."""

import logging
from typing import Literal

import pytest
import structlog

from runtime import logs
from settings import Settings


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
