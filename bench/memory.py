"""Whether the memory of a worker grows over many random requests: `python -m bench.memory [REQUESTS]`.

One request in ten is a new query, so that the caches of documents and plans fill up and drop entries. One in a hundred
is refused or fails.
"""

import http.client
import json
import os
import random
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path

from storage.embedded.mongod import embedded
from tests.support import dataset
from tests.support.processes import free_port, resident_mb, running

COUNT = 10_000
CLIENTS = 4
USUAL = 200
NEW = 0.1
_FIELDS = ["id", "displayName", "emailAddress", "company", "jobTitle", "source", "gal", "createdAt", "version"]
_NESTED = [
    "address { city }",
    "manager { id }",
    "groups { totalCount }",
    "history(first: 1) { nodes { id } }",
    "onPremises { domain }",
]


def query(rng: random.Random) -> str:
    """A random query."""
    fields = " ".join(rng.sample(_FIELDS, rng.randint(1, 8)) + rng.sample(_NESTED, rng.randint(0, 1)))
    match rng.randint(0, 99):
        case 0:
            return f"{{ contacts(first: 501) {{ nodes {{ {fields} }} }} }}"
        case 1:
            return f"{{ contacts {{ nodes {{ {fields} nothing{rng.random()} }} }} }}".replace(".", "")
        case number if number < 30:
            return f'{{ contact(id: "{dataset.identifier(rng.randrange(COUNT))}") {{ {fields} }} }}'
        case number if number < 40:
            return "{ contactStats { total synced } }"
        case _:
            size, source = rng.randint(0, 20), rng.choice(["SYNCED", "CLOUD"])
            arguments = f'first: {size}, filter: {{source: {source}}}, search: "{rng.choice(["", "ana", "sm"])}"'
            return f"{{ contacts({arguments}) {{ nodes {{ {fields} }} totalCount }} }}"


def ask(port: int, seed: int, requests: int) -> None:
    """Send this many random requests."""
    rng = random.Random(seed)
    usual = [query(rng) for _ in range(USUAL)]
    service = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(requests):
        asked = query(rng) if rng.random() < NEW else rng.choice(usual)
        service.request("POST", "/graphql", json.dumps({"query": asked}), {"Content-Type": "application/json"})
        answer = service.getresponse()
        body = answer.read()
        assert answer.status == 200, body
    service.close()


def watch(port: int, pid: int, requests: int) -> None:
    """Print the memory after every tenth of the requests."""
    print(f"{0:>10} requests {resident_mb(pid):>8.1f} MB", flush=True)
    share = requests // 10 // CLIENTS
    with ThreadPoolExecutor(CLIENTS) as clients:
        for part in range(1, 11):
            seeds = range(part * 100, part * 100 + CLIENTS)
            list(clients.map(ask, repeat(port), seeds, repeat(share)))
            print(f"{part * share * CLIENTS:>10} requests {resident_mb(pid):>8.1f} MB", flush=True)


def main() -> None:
    """Run a service with one worker, and send requests."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with ExitStack() as stack:
        data = Path(tempfile.gettempdir(), f"contacts-bench-{os.getuid()}")
        uri = os.environ.get("BENCH_URI") or stack.enter_context(embedded(data, exclusive=True))
        dataset.fill(uri, f"bench-{COUNT}", COUNT)
        port = free_port()
        environment = {
            "CONTACTS_MONGODB_URI": uri,
            "CONTACTS_DATABASE": f"bench-{COUNT}",
            "CONTACTS_LOG_LEVEL": "warning",
        }
        command = [sys.executable, "-c", "import cli; cli.main()", "serve", "--port", str(port)]
        pid = stack.enter_context(running(command, environment, port, Path.cwd()))
        watch(port, pid, requests)


if __name__ == "__main__":
    main()
