"""The layout: imports go in one direction, packages form no cycle, and each library stays in its packages."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.modules import MODULES, PACKAGES, ROOT

EVERYONE = {"settings", "runtime"}
STORAGE = {"storage", "storage.audit", "storage.lists", "storage.requests", "storage.sync"}
CORE = {"resolvers"}
RESOLVERS = CORE | {"resolvers.files", "resolvers.imports", "resolvers.sync"}
GRAPHQL = {"schema", "schema.types"}
# What the modules of each package may import, besides those of the same package and what everyone may.
MAY_IMPORT: dict[str, set[str]] = {
    "runtime": set(),
    "settings": set(),
    "storage": {"storage.audit", "storage.lists", "storage.requests"},
    "storage.audit": {"storage", "storage.lists"},
    "storage.lists": {"storage"},
    "storage.requests": {"storage"},
    "storage.sync": {"storage", "storage.lists"},
    "storage.embedded": set(),
    "resolvers": STORAGE,
    "resolvers.files": CORE | STORAGE,
    "resolvers.imports": CORE | {"resolvers.files"} | STORAGE,
    "resolvers.sync": CORE | STORAGE,
    "connector": RESOLVERS | STORAGE,
    "identity": CORE,
    "rest": RESOLVERS | STORAGE,
    "schema": GRAPHQL | {"schema.mutations"} | RESOLVERS | STORAGE,
    "schema.types": {"schema"} | RESOLVERS | STORAGE,
    "schema.mutations": GRAPHQL | RESOLVERS | STORAGE,
    "schema.execution": GRAPHQL | RESOLVERS | STORAGE,
    "schema.transport": {"schema", "schema.execution", "identity"} | RESOLVERS | STORAGE,
    "middleware": {"identity", "rest", "schema.transport"} | RESOLVERS | STORAGE,
    "app": {"identity", "middleware", "rest", "connector", "schema.execution", "schema.transport"}
    | RESOLVERS
    | STORAGE,
    "demo": RESOLVERS | STORAGE,
    "cli": {"app", "connector", "demo", "storage.embedded"} | RESOLVERS | STORAGE,
}
# Modules that a room may use of another one that it does not see otherwise. `storage.lists` knows of the rest of
# `storage` only what documents and their keys are, and the driver; of `schema` the types know what comes before them.
ONLY = {
    ("storage.lists", "storage"): {"documents", "driver", "keys", "fields"},
    ("identity", "resolvers"): {"caller", "errors"},
    ("schema.types", "schema"): {"context", "documents", "reads"},
    ("schema.mutations", "schema"): {"context", "documents", "reads"},
    ("schema.execution", "schema"): {"build", "context", "documents", "reads"},
    ("schema.transport", "schema"): {"build", "context", "documents"},
}
LIBRARIES = {
    "strawberry": ("schema",),
    "graphql": ("schema",),
    "motor": ("storage",),
    "pymongo": ("storage",),
    "bson": ("storage",),
    "gridfs": ("storage",),
    "starlette": ("app", "middleware", "rest", "schema.transport"),
    "uvicorn": ("cli",),
    "typer": ("cli",),
    "rich": ("cli",),
    "ldap": ("connector",),
    "jwt": ("identity",),
    "httpx": ("identity",),
}


def room(module: str) -> str:
    """The package of a module. A module at the top level is its own package."""
    return module if module in PACKAGES or "." not in module else module.rpartition(".")[0]


def imports(module: str) -> Iterator[str]:
    """The imports of a module: ours as modules, others by their first names."""
    yield from imports_of(MODULES[module])


def imports_of(path: Path) -> Iterator[str]:
    """The imports of the module in this file, in the same form."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_one_way(module: str) -> None:
    """A module only imports from the packages that its own package may see."""
    own = room(module)
    for imported in set(imports(module)) & MODULES.keys():
        other = room(imported)
        if other == own or other in EVERYONE:
            continue
        assert other in MAY_IMPORT[own], f"{module} imports {imported}"
        allowed = ONLY.get((own, other))
        assert allowed is None or imported.rpartition(".")[2] in allowed, f"{module} imports {imported}"


def test_modules_form_no_cycle() -> None:
    """No module imports itself indirectly, except for imports in functions and for type checking."""
    above: list[str] = []
    done: set[str] = set()

    def visit(module: str) -> None:
        assert module not in above, " → ".join([*above[above.index(module) :], module])
        if module in done:
            return
        above.append(module)
        for imported in _at_start(module):
            visit(imported)
        above.pop()
        done.add(module)

    for module in MODULES:
        visit(module)


def _at_start(module: str) -> set[str]:
    """Our modules that are imported when a module is loaded."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    found = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            wholes = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (wholes & MODULES.keys()) or ({node.module} & MODULES.keys())
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & MODULES.keys()
    return found - {module}


@pytest.mark.parametrize("library", LIBRARIES)
def test_libraries_stay_in_their_rooms(library: str) -> None:
    """Each library of the stack is only imported in its own packages."""
    using = {module for module in MODULES if any(each.split(".")[0] == library for each in imports(module))}
    strangers = {each for each in using if not f"{each}.".startswith(tuple(f"{own}." for own in LIBRARIES[library]))}
    assert strangers == set()


def test_tests_share_through_support_alone() -> None:
    """No test module imports another one, or a benchmark: shared code is in `tests/support`."""
    tests = [path for path in sorted((ROOT / "tests").rglob("*.py")) if "node_modules" not in path.parts]
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in tests
        for module in imports_of(path)
        if module.split(".")[0] in ("tests", "bench") and not f"{module}.".startswith("tests.support.")
    ]
    assert wrong == []


def test_every_library_is_declared() -> None:
    """Each library that we import is our own dependency, not only one of another library."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [
        *project["dependencies"],
        *(each for some in project["optional-dependencies"].values() for each in some),
    ]
    names = {re.split(r"[=<>;\[ ]", each)[0] for each in declared}
    libraries = {each.split(".")[0] for module in MODULES for each in imports(module)}
    ours = {module.split(".")[0] for module in MODULES}
    missing = {
        library
        for library in libraries - ours - sys.stdlib_module_names - {"hatchling"}  # builds it, so it is pinned
        if not names & {each.lower().replace("_", "-") for each in packages_distributions().get(library, [library])}
    }
    assert missing <= {"ldap", "fiftyone"}  # extras, or another package on each platform


def test_every_room_has_its_rule() -> None:
    """The rule contains all packages, and no others."""
    assert {room(module) for module in MODULES} - {"graphiql"} == MAY_IMPORT.keys()


def test_rooms_stay_small() -> None:
    """No folder contains more than about 16 modules."""
    sizes = {each: sum(room(module) == each and module != each for module in MODULES) for each in MAY_IMPORT}
    assert {each: size for each, size in sizes.items() if size > 19} == {}
