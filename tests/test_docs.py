"""The documents: their examples run, and what they mention exists."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.commands import app
from rest import problems
from schema.execution import faults
from settings import Settings
from tests.support.examples import Reader, examples
from tests.support.modules import MODULES, PACKAGES, ROOT
from tests.support.service import service

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
WITH_EXAMPLES = [page for page in sorted(DOCS.glob("*.md")) if examples(page, "sh", "graphql")]
VARIABLES = {f"CONTACTS_{name.upper()}" for name in Settings.model_fields} | {
    "CONTACTS_TEST_MONGODB_URI",
    "CONTACTS_TEST_DRIVER",
}
# Names of other programs, and of readers' own.
FOREIGN = {
    "accessToken",
    "changeOrigin",
    "connectionParams",
    "dbAdmin",
    "readWrite",
    "requestedAccessTokenVersion",
}
FOLDERS = {each.name for each in ROOT.iterdir() if each.is_dir()}


def name(page: Path) -> str:
    """The name of a page in test IDs."""
    return page.relative_to(ROOT).as_posix()


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name)
def test_examples(page: Path, tmp_path: Path) -> None:
    """All blocks of a page run in order on a service with demo data."""
    with service(tmp_path / ".contacts", "--demo") as running:
        reader = Reader(tmp_path, running)
        for example in examples(page, "sh", "graphql"):
            if not example.is_by_hand:
                reader.follow(example)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links(page: Path) -> None:
    """Each link within the project leads to an existing file and, if it has an anchor, an existing heading."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, heading = target.partition("#")
        if ":" not in path:
            file = (page.parent / path).resolve() if path else page
            assert file.exists(), target
            assert not heading or heading in anchors(file), target


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_names_exist(page: Path) -> None:
    """Each variable on a page is a setting, each path exists, and other names are in our code."""
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"CONTACTS_\w*[A-Z](?![…\w])", text)) <= VARIABLES
    for code in re.findall(r"`([^`\s]+)`", text):
        if code.partition("/")[0] in FOLDERS and "/" in code:
            assert list(ROOT.glob(code)), code
        elif re.fullmatch(r"[a-z]+[A-Z]\w*|[A-Z]+_[A-Z_]+", code) and not code.startswith("CONTACTS_"):
            assert code in FOREIGN or code in source(), code


@cache
def source() -> str:
    """All our code and contracts as one text."""
    files = [*MODULES.values(), ROOT / "schema" / "schema.graphql", ROOT / "rest" / "openapi.yaml"]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_options_exist(page: Path) -> None:
    """Each option of a `contacts` command on a page exists."""
    text = page.read_text(encoding="utf-8")
    for command, rest in re.findall(r"contacts (serve|import|export|sync|stats)\b([^`\n|]*)", text):
        known = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output
        for option in re.findall(r" (--[a-z-]+)", rest):
            assert option in known, f"contacts {command} {option}"


def test_error_codes_are_listed() -> None:
    """The pages about REST and frontends list all error codes."""
    listed = {page: (DOCS / page).read_text(encoding="utf-8") for page in ("rest.md", "frontends.md")}
    assert [code for code in problems.CODES if f"`{code}`" not in listed["rest.md"]] == []
    codes = re.findall(r"^    ([A-Z_]+) +\w", faults.__doc__ or "", re.MULTILINE)
    assert [code for code in codes if f"| `{code}` |" not in listed["frontends.md"]] == []


def test_map_is_complete() -> None:
    """The map has one line for each module, under its package, and no others."""
    listed = list(map_lines())
    assert len(listed) == len(set(listed))
    assert set(listed) == {each for each in MODULES if each not in PACKAGES} | {"dev"}


def map_lines() -> Iterator[str]:
    """The modules in the map."""
    for section in re.split(r"^## ", (DOCS / "map.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        package = re.match(r"`([\w/]+)/`", section)
        prefix = package[1].replace("/", ".") + "." if package else ""
        yield from (prefix + module for module in re.findall(r"^\| `(\w+)(?:\.py)?` \|", section, re.MULTILINE))


def test_help_names_the_settings() -> None:
    """`contacts serve --help` explains each option, and says where GraphiQL and the other settings are."""
    shown = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200"}).output
    for option in ("--host", "--port", "--data-dir", "--mongodb-uri", "--demo", "CONTACTS_PORT", "CONTACTS_DATA_DIR"):
        assert option in shown
    for place in ("http://127.0.0.1:8000/graphql", "`contacts settings`", "loopback"):
        assert place in shown
