"""The README's examples do what they show."""

import re
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from cli.commands import app
from tests.support.graphql import GraphQL

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("operation", re.findall(r"```graphql\n(.*?)```", README, re.DOTALL))
async def test_graphql_examples(client: httpx.AsyncClient, operation: str) -> None:
    """Each GraphQL example runs without an error."""
    assert await GraphQL(client)(operation)


def test_help_names_the_settings() -> None:
    """`contacts serve --help` explains each option, and says where GraphiQL and the other settings are."""
    shown = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200"}).output
    for option in ("--host", "--port", "--data-dir", "--mongodb-uri", "--demo", "CONTACTS_PORT", "CONTACTS_DATA_DIR"):
        assert option in shown
    for place in ("http://127.0.0.1:8000/graphql", "`contacts settings`", "loopback"):
        assert place in shown
