"""The service as an operator runs it, in its own process with its embedded MongoDB; or in the event loop."""

import asyncio
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from httpx import ASGITransport
from starlette.applications import Starlette

from app import create_app
from settings import Settings
from tests.support import waiting
from tests.support.processes import free_port
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]


class Service:
    """`contacts serve` on one data directory and one port. Can be started, killed and stopped several times."""

    def __init__(self, data_dir: Path, *options: str, certificate: Path | None = None, **settings: str) -> None:
        self.data_dir = data_dir
        self._options = options
        self._settings = {f"CONTACTS_{name.upper()}": value for name, value in settings.items()}
        self._verify = ssl.create_default_context(cafile=certificate)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process ID of the running service."""
        assert self._process is not None
        return self._process.pid

    @property
    def mongod_pid(self) -> int:
        """The process ID of its MongoDB."""
        return int((self.data_dir / "db" / "mongod.lock").read_text())

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        port = self.url.rpartition(":")[2]
        command = ["-c", "from cli import main; main()", "serve", "--port", port, "--data-dir", str(self.data_dir)]
        command += self._options
        own = {name: value for name, value in os.environ.items() if not name.startswith("CONTACTS_")}
        self._process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=own | self._settings | {"PYTHONPATH": str(ROOT)}
        )
        wait_until(self._is_ready)

    def kill(self, *pids: int) -> None:
        """Kill these processes at once. If the service is one of them, wait for its end."""
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        if self.pid in pids:
            self.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it, and return its exit code."""
        os.kill(self.pid, number)
        return self.wait()

    def wait(self) -> int:
        """Wait until it ends, and return its exit code."""
        assert self._process is not None
        return self._process.wait(waiting.SECONDS)

    def clean_up(self) -> None:
        """Kill it if it is still running."""
        if self._process is not None and self._process.poll() is None:
            self.kill(self.pid)

    def mongods(self) -> list[int]:
        """The process IDs of all mongods on the data directory."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue  # it has just ended
            if words[0].endswith(b"mongod") and str(self.data_dir / "db").encode() in words:
                found.append(int(process.name))
        return found

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the service ended while starting"
        try:
            return httpx.get(f"{self.url}/readyz", verify=self._verify).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def service(data_dir: Path, *options: str, certificate: Path | None = None, **settings: str) -> Iterator[Service]:
    """A running service with these options and settings. It is killed at the end if it is still running.

    With a certificate, it is expected to use TLS.
    """
    running = Service(data_dir, *options, certificate=certificate, **settings)
    try:
        running.start()
        yield running
    finally:
        running.clean_up()


class Machines:
    """Clients of an application, on machines with any address."""

    def __init__(self, app: Starlette, state: Mapping[str, Any]) -> None:
        self._app = app
        self._state = state

    def client(self, address: str, base_url: str = "http://contacts.example") -> httpx.AsyncClient:
        """An HTTP client whose requests come from this address."""
        transport = ASGITransport(self._with_state, raise_app_exceptions=False, client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url=base_url)

    async def _with_state(self, scope: Any, receive: Any, send: Any) -> None:  # what uvicorn does with lifespan state
        await self._app({**scope, "state": dict(self._state)}, receive, send)


@asynccontextmanager
async def machines(settings: Settings) -> AsyncIterator[Machines]:
    """A running application with these settings, called without a network."""
    app = create_app(settings)
    async with app.router.lifespan_context(app) as state:
        yield Machines(app, state or {})


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[tuple[uvicorn.Server, str]]:
    """A service in this event loop, so that its tasks are visible."""
    config = uvicorn.Config(create_app(settings), host="127.0.0.1", port=0, log_level="error", ws="websockets-sansio")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    await waiting.reached(lambda: server.started or running.done())
    yield server, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await running
