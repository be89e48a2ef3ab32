"""Run and test the service from a checkout, with nothing but Python 3.11 or newer and pip.

python3 dev.py serve [options]      install into .venv, then start the service with demo data
python3 dev.py test                 install into .venv, then run every check, stopping at the first that fails; prints
                                    how much the tests cover; a test that fails runs once more, alone, and is listed as
                                    flaky at the end if it passes then
python3 dev.py test [pytest args]   the same with these tests, each of them once, and without the coverage
python3 dev.py install              install what serve and test need, and run nothing
python3 dev.py install ad           install what serve and the sync with Active Directory need
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

if sys.version_info < (3, 11):  # noqa: UP036 - whoever starts this with an older Python should read why it ends
    sys.exit("Python 3.11 or newer is needed; this is Python " + sys.version.split()[0] + ".")

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
# The interpreter outside any virtual environment: the one that has pip.
BASE_PYTHON: str = getattr(sys, "_base_executable", sys.executable)
PIP_NEEDED = (22, 3)  # the first that installs into an environment without a pip of its own

LOCKS = {
    "serve": ["requirements/runtime.lock", "requirements/build.lock"],
    "ad": ["requirements/runtime.lock", "requirements/build.lock"],
    "test": ["requirements/dev.lock"],
}
NODE_LOCK = "requirements/node.lock"
AD_LOCK = "requirements/ad.lock"
CHECKS = {
    "ruff check": ["ruff", "check"],
    "ruff format": ["ruff", "format", "--check"],
    "mypy": ["mypy"],
}
COVERED = 90  # percent of the statements and branches of a module; those below are named


def main() -> None:
    os.chdir(ROOT)
    command, options = sys.argv[1:2], sys.argv[2:]
    if command == ["serve"]:
        install("serve")
        serve(options)
    elif command == ["test"]:
        install("test")
        test(options)
    elif command == ["install"] and options in ([], ["ad"]):
        install("ad" if options else "test")
    else:
        sys.exit((__doc__ or "").strip())


def install(mode: str) -> None:
    """Bring .venv in line with the lock files; does next to nothing when they have not changed."""
    stamp = VENV / f"{mode}.stamp"
    wanted = fingerprint()
    if not (PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted):
        install_packages(mode)
        stamp.write_text(wanted)
    build_graphiql()


def install_packages(mode: str) -> None:
    check_pip()
    print("Installing into .venv", flush=True)
    started = time.monotonic()
    if not PYTHON.exists():
        run(BASE_PYTHON, "-m", "venv", "--clear", "--without-pip", str(VENV))
    for lock in LOCKS[mode]:
        pip("--require-hashes", "-r", lock)
    if mode != "serve":
        install_ad(required=mode == "ad")
    build_graphiql()
    pip("--no-build-isolation", "--editable", ".")
    report("install", started)


def install_ad(*, required: bool) -> None:
    """python-ldap comes as source only, so it is left out where it cannot be compiled, unless it is `required`."""
    if can_compile("Python.h", "ldap.h", "sasl/sasl.h"):
        pip("--no-build-isolation", "--require-hashes", "-r", AD_LOCK)
        return
    needs = (
        "The build of python-ldap needs a C compiler and the headers of Python, OpenLDAP and SASL (Debian: apt-get "
        "install gcc python3-dev libldap2-dev libsasl2-dev)."
    )
    if required:
        sys.exit(needs)
    print(f"{needs} Without it, the tests against Active Directory are skipped.")


def can_compile(*headers: str) -> bool:
    """Say whether there are these headers, and the compiler that this Python was built with."""
    folders = [sysconfig.get_path("include"), "/usr/include", "/usr/local/include"]
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    return bool(shutil.which(compiler)) and all(
        any(Path(folder, header).exists() for folder in folders) for header in headers
    )


def build_graphiql() -> None:
    """Build the GraphiQL page if its sources changed, with the Node.js of a PyPI package where there is none."""
    command = [str(PYTHON), "graphiql/build.py"]
    if subprocess.run([*command, "--requires"], capture_output=True, text=True, check=True).stdout.strip():
        pip("--require-hashes", "-r", NODE_LOCK)
    run(*command)


def check_pip() -> None:
    answer = subprocess.run([BASE_PYTHON, "-m", "pip", "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"pip (\d+)\.(\d+)", answer.stdout)
    if not found:
        sys.exit(f"pip is missing for {BASE_PYTHON} (Debian: apt-get install python3-pip).")
    if tuple(map(int, found.groups())) < PIP_NEEDED:
        sys.exit(f"pip 22.3 or newer is needed; {BASE_PYTHON} has {found[0]}. `pip install --upgrade pip` updates it.")


def pip(*arguments: str) -> None:
    """Install into .venv exactly what is asked for: the lock files name every dependency."""
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]
    run(BASE_PYTHON, "-m", "pip", "--python", str(PYTHON), "install", *options, *arguments)


def fingerprint() -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in [ROOT / "pyproject.toml", *sorted(ROOT.glob("requirements/*.lock"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def serve(options: list[str]) -> None:
    command = [str(BIN / "contacts"), "serve", "--demo", *options]
    os.execv(command[0], command)


def test(options: list[str]) -> None:
    """Run the checks in turn; the first to fail ends with its exit code."""
    for name, command in CHECKS.items():
        if code := check(name, *command):
            sys.exit(code)
    sys.exit(run_tests(options, measured=not options))


def check(name: str, *command: str) -> int:
    """The exit code of a Python module that runs with these arguments."""
    started = time.monotonic()
    code = subprocess.run([str(PYTHON), "-m", *command], check=False).returncode
    report(name, started)
    return code


def run_tests(options: list[str], *, measured: bool = False) -> int:
    """Run the tests side by side, and return the exit code. If `measured`, print how much of the code they cover.

    Without options, which may ask for anything, those that failed run once more, alone: one that passes then is flaky.
    """
    if options:
        return check("pytest", "pytest", "-n", "auto", *options)
    started = time.monotonic()
    runner = ("coverage", "run", "-m", "pytest") if measured else ("pytest",)
    if measured:
        run(str(PYTHON), "-m", "coverage", "erase")
    code, outcomes = pytest("pytest", *runner, "-n", "auto")
    failed = [test for test, outcome in outcomes.items() if outcome == "failed"] if code == 1 else []
    flaky = []
    if failed:
        code, again = pytest("pytest, failed tests again", *runner, "-n", "1", *failed)
        flaky = [test for test in failed if again.get(test) == "passed"]
        code = code or int(len(flaky) < len(failed))
    if measured:
        report_coverage()
    if failed:
        close(outcomes | dict.fromkeys(flaky, "flaky"), started)
    for test in flaky:
        print(f"flaky: {test}", flush=True)
    return code


def pytest(name: str, *command: str) -> tuple[int, dict[str, str]]:
    """The exit code of a run, and what became of each test; of none if not all of them ran."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "outcomes.json")
        code = check(name, *command, "-p", "tests.support.outcomes", f"--outcomes={file}")
        return code, json.loads(file.read_text()) if file.exists() else {}


def close(outcomes: dict[str, str], started: float) -> None:
    """Print the line that pytest ends with, for two runs together."""
    counts = Counter(outcomes.values())
    shown = ", ".join(f"{counts[each]} {each}" for each in ("failed", "passed", "skipped", "flaky") if counts[each])
    print(f" {shown} in {time.monotonic() - started:.2f}s ".center(80, "="), flush=True)


def report_coverage() -> None:
    """Print how much of the code the tests covered, branches included, and the modules that they cover too little."""
    coverage = [str(PYTHON), "-m", "coverage"]
    run(*coverage, "combine", "--quiet")
    printed = subprocess.run([*coverage, "json", "--quiet", "-o", "-"], stdout=subprocess.PIPE, check=True).stdout
    measured = json.loads(printed)
    percents = {name: each["summary"]["percent_covered"] for name, each in measured["files"].items()}
    low = sorted((percent, name) for name, percent in percents.items() if percent < COVERED)
    for percent, name in low:
        print(f"{percent:5.1f}% {name}")
    total = measured["totals"]["percent_covered"]
    print(f"--- branch coverage: {total:.1f}%, {len(low)} of {len(percents)} modules below {COVERED}%", flush=True)


def run(*command: str) -> None:
    """Run a command that has to succeed; it has said itself why when it does not."""
    code = subprocess.run(command, check=False).returncode
    if code:
        sys.exit(code)


def report(name: str, started: float) -> None:
    print(f"--- {name}: {time.monotonic() - started:.1f} s", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
