"""A real Active Directory domain controller for tests: Samba, run as root on a loopback address.

One golden state is provisioned once (about 5 s) and kept; every test runs a copy of it (about 0.5 s to start),
so no test sees what another one wrote.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import waiting
from tests.support.ad import certificates, provision

if TYPE_CHECKING:
    from tests.support.ad.administrator import Administrator

GOLDEN_DAYS = 20  # the authority inside is valid for 30
PROGRAMS = {"samba": "samba", "samba-tool": "samba-ad-provision", "ldbadd": "ldb-tools", "openssl": "openssl"}


def why_not() -> str | None:
    """Why no domain controller can run here, as a sentence. None if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a Samba domain controller needs Linux and root, for LDAP's ports 389 and 636"
    path = provision.ENVIRONMENT["PATH"]
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program, path=path) is None]
    if missing:
        return f"a Samba domain controller needs Debian's packages {', '.join(missing)}"
    if importlib.util.find_spec("ldap") is None:
        return "reading a domain controller needs python-ldap, the extra named ad"
    return None


class Controller:
    """A domain controller: a folder with its state, the address it listens on, and its process."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.address = folder, address
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"ldaps://{self.address}"

    @property
    def starttls_url(self) -> str:
        return f"ldap://{self.address}"

    @property
    def ca_file(self) -> Path:
        return self.folder / "tls" / "ca.pem"

    def start(self) -> None:
        """Run the server until `stop`, `kill` or the end of this process, and wait until it answers."""
        certificate = self.folder / "tls" / "cert.pem"
        if not certificate.exists():
            certificates.make_server_certificate(certificate.parent, names=f"IP:{self.address}")
        provision.write_configuration(self.folder, self.address)
        # In interactive mode, it ends when its standard input is closed, so it never outlives the tests.
        command = ["samba", "--interactive", "--model=single", f"--configfile={self.folder}/smb.conf"]
        with (self.folder / "log" / "out").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=provision.ENVIRONMENT
            )
        self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + waiting.SECONDS
        while not self.answers():
            if self.process is None or self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"samba did not start: {(self.folder / 'log' / 'out').read_text()[-2000:]}")
            time.sleep(0.03)

    def answers(self) -> bool:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with (
                socket.create_connection((self.address, 636), timeout=1) as plain,
                context.wrap_socket(plain) as _,
            ):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """Stop the server gracefully. Its state stays in the folder."""
        self._end(gently=True)

    def kill(self) -> None:
        """Kill the server, whatever it is doing."""
        self._end(gently=False)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """The running server keeps its connections open and does nothing."""
        assert self.process is not None, "it does not run"
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def _end(self, *, gently: bool) -> None:
        if self.process is None:
            return
        process, self.process = self.process, None
        if gently:
            process.terminate()
        else:
            process.kill()
        process.communicate(timeout=waiting.SECONDS)

    def save(self, target: Path) -> None:
        """Copy the stopped server's state to `target`, which must not exist."""
        assert self.process is None, "a running server's state is not one moment's"
        subprocess.run(["cp", "-a", str(self.folder), str(target)], check=True)

    def restore(self, saved: Path) -> None:
        """Restore a saved state. For Active Directory this is a USN rollback, as from a disk image."""
        assert self.process is None, "stop the server first"
        shutil.rmtree(self.folder)
        subprocess.run(["cp", "-a", str(saved), str(self.folder)], check=True)

    def load(self, ldif: str) -> None:
        """Add the entries of `ldif` to the stopped server. 20,000 contacts take about 30 s."""
        # Without batch mode, the time for a large load grows with the square of its size.
        speed = ("-o", "batch_mode:1", "-o", "transaction_index_cache_size:200000")
        provision.ldb(self.folder, "ldbadd", ldif, *speed)

    def renew_invocation(self, invocation: bytes) -> None:
        """Give the stopped server's database another invocationId (16 bytes), as a proper restore does."""
        provision.change_invocation(self.folder, invocation)

    @contextlib.contextmanager
    def administrator(self) -> Iterator["Administrator"]:
        """A connection that may change everything in the running domain."""
        from tests.support.ad.administrator import Administrator

        administrator = Administrator(self.url, self.ca_file)
        try:
            yield administrator
        finally:
            administrator.close()


@contextlib.contextmanager
def fresh_controller() -> Iterator[Controller]:
    """A copy of the golden state on its own address, not started. Stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="ad-"))  # short: the path of a Unix socket is limited to 108 bytes
    try:
        subprocess.run(["cp", "-a", f"{golden_folder()}/.", str(folder)], check=True)
        controller = Controller(folder, free_address())
        try:
            yield controller
        finally:
            controller.kill()
    finally:
        shutil.rmtree(folder)


def free_address() -> str:
    """A loopback address with unused LDAP ports, chosen at random because test runs can be concurrent."""
    while True:
        address = f"127.{random.randint(2, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
        try:
            for port in (389, 636):
                with socket.create_server((address, port)):
                    pass
        except OSError:
            continue
        return address


def golden_folder() -> Path:
    """The folder of the provisioned domain, created at the first call on this machine and kept."""
    cache = Path(tempfile.gettempdir()) / f"contacts-test-domain-{os.geteuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    if cache.stat().st_uid != os.geteuid():
        raise PermissionError(f"{cache} belongs to somebody else")
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return made_or_kept(cache)


def made_or_kept(cache: Path) -> Path:
    sources = (provision.__file__, certificates.__file__)
    digest = hashlib.sha256(b"".join(Path(source).read_bytes() for source in sources)).hexdigest()
    golden = cache / digest[:16]
    if golden.exists() and golden.stat().st_ctime > time.time() - GOLDEN_DAYS * 86400:
        return golden
    for stale in cache.iterdir():
        if stale.is_dir():
            shutil.rmtree(stale)
    unfinished = cache / "unfinished"
    unfinished.mkdir(mode=0o700)
    provision.provision(unfinished)
    unfinished.rename(golden)
    return golden
