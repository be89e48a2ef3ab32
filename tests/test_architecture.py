"""The layout: imports point one way, and each outside library stays in its room."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Each layer may import those after it, and itself. Settings, logs and the demo data stand beside them.
LAYERS = ("app", "schema", "resolvers", "storage")
PLACE = {
    "app": "app",
    "cli": "app",
    "server": "app",
    "transfer": "app",
    "demo": "app",
    "guard": "app",
    "schema": "schema",
    "rest": "schema",
    "connector": "schema",
    "resolvers": "resolvers",
    "storage": "storage",
}
ROOMS = {
    "strawberry": ("schema/",),
    "graphql": ("schema/",),
    "motor": ("storage/",),
    "pymongo": ("storage/",),
    "bson": ("storage/",),
    "gridfs": ("storage/",),
    "starlette": ("app.py", "guard.py", "rest", "schema/view.py", "schema/bodies.py", "schema/socket.py"),
    "ldap": ("connector/",),
}


def _imports() -> Iterator[tuple[str, str]]:
    """Every import of our own code: the importing file, the imported module."""
    for path in sorted(ROOT.glob("*.py")) + [p for part in PLACE for p in sorted((ROOT / part).rglob("*.py"))]:
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((name, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                yield name, node.module


def test_imports_point_one_way() -> None:
    """app, cli → schema, rest, connector → resolvers → storage; siblings of one layer do not know one another."""
    wrong = []
    for importer, module in _imports():
        source = importer.split("/")[0].removesuffix(".py")
        target = module.split(".")[0]
        if source not in PLACE or target not in PLACE or source == target:
            continue
        if LAYERS.index(PLACE[source]) > LAYERS.index(PLACE[target]):
            wrong.append(f"{importer} imports {module}")
        if PLACE[source] == PLACE[target] == "schema":
            wrong.append(f"{importer} imports its sibling {module}")
    assert wrong == []


@pytest.mark.parametrize("library", ROOMS)
def test_libraries_stay_in_their_rooms(library: str) -> None:
    """Each outside library of the stack is imported in its own folder only."""
    wrong = {
        importer
        for importer, module in _imports()
        if module.split(".")[0] == library and not importer.startswith(ROOMS[library])
    }
    assert wrong == set()


def test_every_module_is_in_a_layer() -> None:
    """The rule looks at all of our modules: none has been added that it does not know."""
    tops = {path.stem for path in ROOT.glob("*.py")} | {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert tops - set(PLACE) <= {"bench", "dev", "logs", "settings", "tests"}
