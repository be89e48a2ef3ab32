"""The data directory of the embedded MongoDB: its layout, and the locks that say who uses it.

    <data_dir>/
        db/           MongoDB's own files
        run/          mode 0700: the sockets, so that no other user of the machine can connect; libcurl, linked
        mongod.log    and mongod.log.1, the one before it
        owner.lock    locked by the process that runs mongod; holds its pid, for messages
        users.lock    locked, shared, by each further process that attached to that mongod

The locks are flock(2): the kernel drops them when a process ends, however it ends.
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
"""Bytes. sockaddr_un takes 107 on Linux and 103 on macOS."""


# What is ours in a data directory; a file system of its own brings lost+found.
_OURS = frozenset({"db", "run", "mongod.log", "mongod.log.1", "owner.lock", "users.lock", "lost+found"})


class ForeignDirectory(Exception):
    """The directory has other things in it than our data; the message says which, and what to do."""


class NoDataDirectory(Exception):
    """The directory holds no data of the service; the message says where it was looked for, and what to do."""


class DataDirectoryInUse(Exception):
    """Another process runs the embedded MongoDB on this data directory; the message says which, and what to do."""


@dataclass(frozen=True)
class DataDir:
    """Paths of one data directory; make it with `opened`."""

    root: Path

    @classmethod
    def opened(cls, path: Path, *, create: bool = True) -> "DataDir":
        """Create what is missing. Raise OSError where that is not possible, ForeignDirectory where it is not for us.

        Without `create`, raise NoDataDirectory where no service has made one.
        """
        home = cls(path.resolve())
        if not create and not home.owner.exists():
            raise NoDataDirectory(
                f"There is no contacts database in {home.root}. Run this command in the folder that the service was "
                "started from, or name its data directory with --data-dir. `contacts serve` creates a new one."
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
        """Become the one process that runs mongod here, until the answer is closed.

        Raise DataDirectoryInUse when another process is.
        """
        lock = _locked(self.owner, fcntl.LOCK_EX)
        if lock is None:
            raise DataDirectoryInUse(self._in_use())
        lock.truncate(0)
        lock.write(b"%d\n" % os.getpid())
        lock.flush()
        return lock

    def join(self) -> BinaryIO | None:
        """Hold off the end of a command's mongod until the answer is closed; None when it is ending already."""
        return _locked(self.users, fcntl.LOCK_SH)

    def dismiss(self) -> BinaryIO | None:
        """Keep others from joining, until the answer is closed; None while one is still joined."""
        return _locked(self.users, fcntl.LOCK_EX)

    def set_log_aside(self, *, larger_than: int) -> bool:
        """Rename the log, dropping the one put aside before, if it is larger than so many bytes; say whether."""
        if not self.log.exists() or self.log.stat().st_size <= larger_than:
            return False
        self.log.replace(self.log.with_suffix(".log.1"))
        return True

    @contextmanager
    def reachable(self) -> Iterator[Path]:
        """Yield a path to `run` through which its sockets can be reached.

        A socket's path is limited to about 100 bytes, whatever the file system allows: below a deep data directory
        it leads through a symbolic link in a private temporary directory.
        """
        if len(os.fsencode(self.run / SOCKET)) <= _LONGEST_SOCKET_PATH:
            yield self.run
            return
        with tempfile.TemporaryDirectory(prefix="contacts-") as private, _locked_directory(private):
            link = Path(private) / "run"
            link.symlink_to(self.run)
            yield link

    def _refuse_foreign(self) -> None:
        """A directory is ours if it has been before, or if nothing else is in it: a mistyped path may name any."""
        if self.owner.exists() or not self.root.is_dir():
            return
        if foreign := sorted({each.name for each in self.root.iterdir()} - _OURS):
            shown = ", ".join(foreign[:3]) + (" and more" if len(foreign) > 3 else "")
            raise ForeignDirectory(
                f"The data directory {self.root} has other things in it: {shown}. Name one that is empty or does not "
                "exist yet, with --data-dir or CONTACTS_DATA_DIR."
            )

    def _in_use(self) -> str:
        pid = self.owner.read_text().strip()
        return (
            f"The data directory {self.root} is in use by process {pid or 'unknown'}, which runs the embedded "
            "MongoDB on it. Stop that process first, or give this one a directory of its own with "
            "CONTACTS_DATA_DIR. To run several services on the same contacts, give all of them one MongoDB "
            "replica set with CONTACTS_MONGODB_URI."
        )


def uri(socket: Path) -> str:
    """Return the MongoDB URI of a socket."""
    return f"mongodb://{quote(str(socket), safe='')}/?directConnection=true"


@contextmanager
def _locked_directory(path: str) -> Iterator[None]:
    """Lock a directory: systemd-tmpfiles clears /tmp of what is some days old, but leaves locked ones alone."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _locked(path: Path, operation: int) -> BinaryIO | None:
    """Return the opened file that holds the lock until it is closed; None if another open file has it."""
    file = path.open("ab")
    try:
        fcntl.flock(file, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
