"""Requests per second of `contacts serve` with one worker and with two: `python -m bench.workers`.

The load generator, mongod and the workers share the machine's cores, so the ratio shows how much is left for the
workers. If the CPU time per request does not grow with their number, they do not hinder each other.
"""

import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.compare import COUNT, Target, cases, measure
from storage.embedded.mongod import embedded
from tests.support import dataset
from tests.support.processes import children, cpu_seconds, free_port, resident_mb, running

SECONDS = 4


def serving(pid: int) -> list[int]:
    """The server processes: the service itself, or its workers."""
    return [each for each in children(pid) if "spawn_main" in Path(f"/proc/{each}/cmdline").read_text()] or [pid]


def row(target: Target, workers: int, port: int, pid: int) -> None:
    """Measure a target, and print a row."""
    processes = serving(pid)
    before = sum(cpu_seconds(each) for each in processes)
    rate, _ = measure(target, {"content-type": "application/json"}, port, pid, SECONDS)
    used = sum(cpu_seconds(each) for each in processes) - before
    memory = ", ".join(f"{resident_mb(each):.0f}" for each in processes)
    print(f"{target.server:<12}{workers:>8}{rate:>12.0f}{1e6 * used / (rate * SECONDS):>16.0f}{memory:>16}", flush=True)


def main() -> None:
    """Measure one and two workers in turn, three times."""
    targets = [cases()[what][0] for what in ("a page of 50 contacts, 13 fields each", "one contact by id")]
    with ExitStack() as stack:
        data = Path(tempfile.gettempdir(), f"contacts-bench-{os.getuid()}")
        uri = os.environ.get("BENCH_URI") or stack.enter_context(embedded(data, exclusive=True))
        dataset.fill(uri, f"bench-{COUNT}", COUNT)
        environment = {"CONTACTS_MONGODB_URI": uri, "CONTACTS_DATABASE": f"bench-{COUNT}", "CONTACTS_DRIVER": "pymongo"}
        environment["CONTACTS_LOG_LEVEL"] = "warning"
        services = []
        for workers in (1, 2):
            port = free_port()
            command = [
                sys.executable,
                "-c",
                "import cli; cli.main()",
                "serve",
                "--port",
                str(port),
                "--workers",
                str(workers),
            ]
            pid = stack.enter_context(
                running(command, environment | {"CONTACTS_LOG_LEVEL": "warning"}, port, Path.cwd())
            )
            services.append((workers, port, pid))
        print(f"{'':<12}{'workers':>8}{'requests/s':>12}{'CPU us/request':>16}{'MB resident':>16}")
        for target in targets:
            for workers, port, pid in services * 3:
                row(target, workers, port, pid)


if __name__ == "__main__":
    main()
