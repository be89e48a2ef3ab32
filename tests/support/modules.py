"""The modules of the product, for tests that look at all of them."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
_NOT_PRODUCT = {"bench", "dev", "tests"}


def _modules() -> dict[str, Path]:
    found = [*ROOT.glob("*.py"), *(each for top in ROOT.glob("*/__init__.py") for each in top.parent.rglob("*.py"))]
    named = {each.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): each for each in found}
    return {
        name.removesuffix(".__init__"): path for name, path in named.items() if name.split(".")[0] not in _NOT_PRODUCT
    }


MODULES = _modules()
"""The files of the modules, by their dotted names."""
PACKAGES = {name for name, path in MODULES.items() if path.name == "__init__.py"}
