"""The data directory of the embedded MongoDB: its layout, and the locks that show which processes use it.

    <data_dir>/
        db/           MongoDB's own files
        run/          mode 0700: the sockets, so that no other user of the machine can connect, and a link to libcurl
        mongod.log    and mongod.log.1, the previous one
        owner.lock    locked by the process that runs mongod; contains its pid, for messages
        users.lock    locked, shared, by each other process that uses that mongod

The locks are flock(2): the kernel releases them when a process ends, however it ends.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

SOCKET = "mongod.sock"
"""The socket clients connect to. It exists only while a primary answers on it."""

_LONGEST_SOCKET_PATH = 100
"""In bytes. The limit of sockaddr_un is 107 on Linux and 103 on macOS."""


# Our files in a data directory. lost+found is there if the directory is a file system of its own.
_OURS = frozenset({"db", "run", "mongod.log", "mongod.log.1", "owner.lock", "users.lock", "lost+found"})


class ForeignDirectory(Exception):
    """The directory contains other files than our data; the message says which, and what to do."""


class NoDataDirectory(Exception):
    """The directory contains no data of the service; the message names it and says what to do."""


class DataDirectoryInUse(Exception):
    """Another process runs the embedded MongoDB on this data directory; the message says which, and what to do."""


@dataclass(frozen=True)
class DataDir:
    """The paths of a data directory. Create it with `opened`."""

    root: Path

    @classmethod
    def opened(cls, path: Path, *, create: bool = True) -> "DataDir":
        """Create what is missing. Raise OSError if that fails, ForeignDirectory if the directory contains other files.

        Without `create`, raise NoDataDirectory if no service has created it.
        """
        home = cls(path.resolve())
        if not create and not home.owner.exists():
            raise NoDataDirectory(
                f"There is no contacts database in {home.root}. Run this command in the folder the service was started "
                "from, or name its data directory with --data-dir. To create a new database, run `contacts serve`."
            )
        home._refuse_foreign()
        home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for private in (home.db, home.run):
            private.mkdir(mode=0o700, exist_ok=True)
        for lock in (home.owner, home.users):
            lock.touch()
        return home

    @property
    def db(self) -> Path:
        return self.root / "db"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def log(self) -> Path:
        return self.root / "mongod.log"

    @property
    def owner(self) -> Path:
        return self.root / "owner.lock"

    @property
    def users(self) -> Path:
        return self.root / "users.lock"

    def take(self) -> BinaryIO:
        """Become the only process that runs mongod here, until the returned file is closed.

        Raise DataDirectoryInUse if another process does.
        """
        lock = _locked(self.owner, fcntl.LOCK_EX)
        if lock is None:
            raise DataDirectoryInUse(self._in_use())
        lock.truncate(0)
        lock.write(b"%d\n" % os.getpid())
        lock.flush()
        return lock

    def join(self) -> BinaryIO | None:
        """Keep a command's mongod running until the returned file is closed. None if it is already shutting down."""
        return _locked(self.users, fcntl.LOCK_SH)

    def dismiss(self) -> BinaryIO | None:
        """Keep other processes from joining until the returned file is closed. None while one is still joined."""
        return _locked(self.users, fcntl.LOCK_EX)

    def set_log_aside(self, *, larger_than: int) -> bool:
        """If the log is larger than this many bytes, rename it, replacing the previous one. Return whether it was."""
        if not self.log.exists() or self.log.stat().st_size <= larger_than:
            return False
        self.log.replace(self.log.with_suffix(".log.1"))
        return True

    @contextmanager
    def reachable(self) -> Iterator[Path]:
        """Yield a path to `run` that is short enough to connect to its sockets.

        The path of a socket is limited to about 100 bytes, whatever the file system allows. If the data directory has
        a longer path, this is a symbolic link in a private temporary directory.
        """
        if len(os.fsencode(self.run / SOCKET)) <= _LONGEST_SOCKET_PATH:
            yield self.run
            return
        with tempfile.TemporaryDirectory(prefix="contacts-") as private, _locked_directory(private):
            link = Path(private) / "run"
            link.symlink_to(self.run)
            yield link

    def _refuse_foreign(self) -> None:
        """Raise ForeignDirectory unless the directory is ours or contains nothing else: the path may be a typo."""
        if self.owner.exists() or not self.root.is_dir():
            return
        if foreign := sorted({each.name for each in self.root.iterdir()} - _OURS):
            shown = ", ".join(foreign[:3]) + (" and more" if len(foreign) > 3 else "")
            raise ForeignDirectory(
                f"The data directory {self.root} contains other files: {shown}. With --data-dir or CONTACTS_DATA_DIR, "
                "name a directory that is empty or does not exist yet."
            )

    def _in_use(self) -> str:
        pid = self.owner.read_text().strip()
        return (
            f"The data directory {self.root} is in use by process {pid or 'unknown'}, which runs the embedded "
            "MongoDB. Stop that process, or name another directory with --data-dir or CONTACTS_DATA_DIR. To run "
            "several services on the same contacts, set CONTACTS_MONGODB_URI to the same MongoDB replica set for all "
            "of them."
        )


def uri(socket: Path) -> str:
    """Return the MongoDB URI of a socket."""
    return f"mongodb://{quote(str(socket), safe='')}/?directConnection=true"


@contextmanager
def _locked_directory(path: str) -> Iterator[None]:
    """Lock a directory. systemd-tmpfiles deletes old directories in /tmp, but not locked ones."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _locked(path: Path, operation: int) -> BinaryIO | None:
    """Return an open file that holds the lock until it is closed. None if another open file holds it."""
    file = path.open("ab")
    try:
        fcntl.flock(file, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
