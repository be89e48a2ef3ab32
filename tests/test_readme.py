"""The README: its examples do what they show, and its map leads everywhere."""

import re
from pathlib import Path

import pytest

from tests.support.examples import Reader, examples
from tests.support.modules import MODULES, PACKAGES, ROOT
from tests.support.service import service

README = ROOT / "README.md"
MAX_WORDS = 600


def entries() -> dict[str, str]:
    """What the map of the README says of each place."""
    (block,) = (each.text for each in examples(README, "text") if "resolvers/" in each.text)
    return dict(re.findall(r"^(\S+) +(.*(?:\n +.*)*)", block, re.MULTILINE))


@pytest.mark.slow
def test_examples(tmp_path: Path) -> None:
    """All blocks run one after the other, as someone who copies them into a fresh checkout would run them."""
    with service(tmp_path / ".contacts", "--demo") as running:
        reader = Reader(tmp_path, running)
        for example in examples(README, "sh", "graphql"):
            if not example.is_by_hand:
                reader.follow(example)


def test_map_is_complete() -> None:
    """The map names every package and every module of the top level, and nothing that is gone."""
    named = {name.rstrip("/").removesuffix(".py").replace("/", ".") for name in entries()}
    top = {name for name in MODULES if "." not in name and name not in PACKAGES}
    assert named == PACKAGES | top | {"dev", "bench", "tests", "graphiql"}


def test_map_names_modules() -> None:
    """What the map has in parentheses, and lists without, are modules of the package or something that it says."""
    for name, text in entries().items():
        for module in re.findall(r"\((\w+)\)", text):
            assert (ROOT / name / f"{module}.py").exists(), f"{name} has no module {module}"


def test_is_short() -> None:
    """Everything but the first steps is in `docs`."""
    assert len(README.read_text(encoding="utf-8").split()) <= MAX_WORDS
