"""Compares our service with alternatives, on one mongod and in one run: `python -m bench.compare`."""

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from storage.embedded.mongod import embedded
from tests.support import dataset
from tests.support.processes import cpu_seconds, free_port, running
from tests.support.simulated_providers import AUDIENCE, Issuer, providers

PEERS = Path(__file__).parent / "peers"
COUNT = 100_000
_CONTACT = "id displayName emailAddress company jobTitle department businessPhone mobilePhone source gal"
_PAGE = """query Page($first: Int!, $source: {source}!) {{ contacts(first: $first, filter: {{source: $source}}) {{
  edges {{ cursor node {{ {fields} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
_MANAGERS = "id displayName manager { id displayName emailAddress } groups { nodes { id displayName memberCount } }"
_ONE = f"query One($id: ID!) {{ contact(id: $id) {{ {_CONTACT} address {{ city country }} }} }}"
_STATS = "{ contactStats { total synced cloudOnly hiddenFromGal } }"
SIGNED_IN = "ours, with tokens"
LIMITED = "ours, with tokens and a rate limit"
_REST = "/api/identity/contacts?source=cloud&limit=50"


@dataclass(frozen=True)
class Target:
    """What is measured: a server, a path, and the body to post, None for GET."""

    server: str
    path: str
    body: Mapping[str, object] | None


def page(source_type: str, fields: str) -> dict[str, object]:
    """The body of a request for a page of 50 contacts with these fields."""
    query = _PAGE.format(source=source_type, fields=fields)
    return {"query": query, "variables": {"first": 50, "source": "CLOUD"}}


def cases() -> dict[str, list[Target]]:
    """The servers to compare, by request."""
    ours, bare = ("ours", "ours, motor", SIGNED_IN, LIMITED), ("bare", "bare, motor")
    full = f"{_CONTACT} address {{ city country }}"
    one: Mapping[str, object] = {"query": _ONE, "variables": {"id": dataset.identifier(777)}}
    theirs = page("String", full)
    return {
        "a page of 50 contacts, 13 fields each": [
            *(Target(name, "/graphql", page("ContactSource", full)) for name in ours),
            *(Target(name, "/list", theirs) for name in bare),
            *(Target(name, "/", theirs) for name in ("strawberry", "apollo", "mercurius")),
        ],
        "the same 50 with manager and groups": [
            *(Target(name, "/graphql", page("ContactSource", _MANAGERS)) for name in ours),
            Target("mercurius", "/", page("String", _MANAGERS)),
        ],
        "one contact by id": [
            *(Target(name, "/graphql", one) for name in ours),
            *(Target(name, "/contact", one) for name in bare),
        ],
        "the dashboard's figures": [
            *(Target(name, "/graphql", {"query": _STATS}) for name in ours),
            *(Target(name, "/stats", {"query": _STATS}) for name in bare),
        ],
        "REST: 50 contacts": [
            *(Target(name, _REST, None) for name in ours),
            *(Target(name, "/rest", None) for name in bare),
        ],
    }


@contextmanager
def servers(uri: str, names: set[str], issuer: Issuer) -> Iterator[dict[str, tuple[int, int]]]:
    """The running servers with these names, each with its port and process ID. `issuer` issues the tokens."""
    python, database = sys.executable, f"bench-{COUNT}"
    uvicorn = [python, "-m", "uvicorn", "--log-level", "warning", "--no-access-log", "--port"]
    ours = {"CONTACTS_MONGODB_URI": uri, "CONTACTS_DATABASE": database, "CONTACTS_LOG_LEVEL": "warning"}
    sign_in = {"CONTACTS_AUTH": "oidc", "CONTACTS_OIDC_ISSUER": issuer.url, "CONTACTS_OIDC_AUDIENCE": AUDIENCE}
    limit = {"CONTACTS_RATE_LIMIT": "1000000", "CONTACTS_RATE_BURST": "1000000000"}
    peers = {"BENCH_URI": uri, "BENCH_DATABASE": database, "NODE_ENV": "production"}
    with ExitStack() as stack:
        started: dict[str, tuple[int, int]] = {}
        for name in sorted(names):
            port = free_port()
            driver = "motor" if "motor" in name else "pymongo"
            match name.partition(",")[0]:
                case "ours":
                    command = [python, "-c", "import cli; cli.main()", "serve", "--port", str(port)]
                    own = ours | {"CONTACTS_DRIVER": driver} | (sign_in if name in (SIGNED_IN, LIMITED) else {})
                    own |= limit if name == LIMITED else {}
                    process = running(command, own, port, Path.cwd())
                case "bare":
                    process = running([*uvicorn, str(port), "bare:app"], peers | {"BENCH_DRIVER": driver}, port, PEERS)
                case "strawberry":
                    process = running([*uvicorn, str(port), "plain:app"], peers, port, PEERS)
                case node:
                    process = running(["node", f"{node}.mjs"], peers | {"PORT": str(port)}, port, PEERS)
            started[name] = (port, stack.enter_context(process))
        yield started


def headers(target: Target, issuer: Issuer) -> dict[str, str]:
    """The headers of a request."""
    found = {"content-type": "application/json"}
    return found | {"authorization": issuer.bearer()} if target.server in (SIGNED_IN, LIMITED) else found


def measure(target: Target, sent: Mapping[str, str], port: int, pid: int, seconds: int) -> tuple[float, float]:
    """Requests per second, and microseconds of the server's CPU per request."""
    url = f"http://127.0.0.1:{port}{target.path}"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.writelines(f'wrk.headers["{name}"]="{value}"\n' for name, value in sent.items())
        if target.body is not None:
            script.write('wrk.method="POST"\n')
            script.write(f"wrk.body=[==[{json.dumps(target.body)}]==]\n")
        script.flush()
        before = cpu_seconds(pid)
        command = ["wrk", "-t1", "-c8", f"-d{seconds}", "-s", script.name, url]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        used = cpu_seconds(pid) - before
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"{target.server} failed at {target.path}:\n{output}")
    (requests,) = re.findall(r"(\d+) requests in", output)
    (rate,) = re.findall(r"Requests/sec:\s+([\d.]+)", output)
    return float(rate), 1e6 * used / int(requests)


def require_same(what: str, targets: list[Target], started: dict[str, tuple[int, int]], issuer: Issuer) -> None:
    """Check that all servers do the same work: responses of about the same length, without errors."""
    lengths = {}
    for target in targets:
        body = None if target.body is None else json.dumps(target.body).encode()
        url = f"http://127.0.0.1:{started[target.server][0]}{target.path}"
        request = urllib.request.Request(url, body, headers(target, issuer))
        answer = urllib.request.urlopen(request).read()
        if b'"errors"' in answer:
            sys.exit(f"{target.server} returned an error for {what}: {answer[:300]!r}")
        lengths[target.server] = len(answer)
    if max(lengths.values()) > 1.5 * min(lengths.values()):
        print(f"  note: responses differ in length: {lengths}")


def compare(
    what: str, targets: list[Target], started: dict[str, tuple[int, int]], options: Namespace, issuer: Issuer
) -> None:
    """Measure the targets in turn, for several rounds, and print a row for each."""
    require_same(what, targets, started, issuer)
    rounds: dict[str, list[tuple[float, float]]] = {target.server: [] for target in targets}
    for _ in range(options.rounds):
        for target in targets:
            sent = headers(target, issuer)
            rounds[target.server].append(measure(target, sent, *started[target.server], options.seconds))
    print(f"\n{what:<40}{'requests/s':>12}{'CPU us each':>13}{'ours is':>10}{'ours, motor is':>16}")
    for name, found in rounds.items():
        ratios = [
            statistics.median(a[0] / b[0] for a, b in zip(rounds[own], found, strict=True))
            for own in ("ours", "ours, motor")
        ]
        rate, cpu = (statistics.median(each[part] for each in found) for part in (0, 1))
        print(f"  {name:<38}{rate:>12.0f}{cpu:>13.0f}{ratios[0]:>9.2f}x{ratios[1]:>15.2f}x", flush=True)


def main() -> None:
    """Fill a database, start all servers, and compare."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--uri", help="URI of the MongoDB to use. Default: an embedded one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--only", default="", help="run only the cases that contain this text")
    options = parser.parse_args()
    for tool in ("wrk", "node", "npm"):
        if not shutil.which(tool):
            sys.exit(f"bench.compare needs {tool}. Install it (Debian packages: wrk, nodejs, npm).")
    if not (PEERS / "node_modules").exists():
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=PEERS, check=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = {what: targets for what, targets in cases().items() if options.only in what}
    names = {target.server for targets in chosen.values() for target in targets}
    with ExitStack() as stack:
        data = Path(tempfile.gettempdir(), f"contacts-bench-{os.getuid()}")
        uri = options.uri or stack.enter_context(embedded(data, exclusive=True))
        dataset.fill(uri, f"bench-{COUNT}", COUNT)
        issuer = stack.enter_context(providers()).plain
        started = stack.enter_context(servers(uri, names, issuer))
        for what, targets in chosen.items():
            compare(what, targets, started, options, issuer)


if __name__ == "__main__":
    main()
