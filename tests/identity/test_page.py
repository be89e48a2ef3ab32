"""The page about signing in quotes the messages as they are."""

import re

import pytest

from tests.support.modules import MODULES, ROOT

TABLE = (ROOT / "docs" / "sign-in.md").read_text(encoding="utf-8").rpartition("| message |")[2]
MESSAGES = re.findall(r"^\| ([^|]+?) \|", TABLE, re.MULTILINE)


@pytest.mark.parametrize("message", MESSAGES)
def test_message_exists(message: str) -> None:
    """Each message in the table is in the code."""
    texts = [path.read_text(encoding="utf-8") for name, path in MODULES.items() if name.startswith("identity.")]
    assert any(message in re.sub(r'"\s+f?"', "", text) for text in texts)


def test_table_is_found() -> None:
    """There is such a table."""
    assert len(MESSAGES) > 10
