"""Certificates for test domain controllers: our own authority, and valid and invalid server certificates."""

import subprocess
from pathlib import Path

# Samba's own certificate has no host name in subjectAltName, so careful clients reject it.
SERVER_EXTENSIONS = """
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectAltName={names}
"""


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_authority(folder: Path) -> None:
    """Write `ca.pem` and `ca.key`, an authority that is valid for 30 days, to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    make_key(folder / "ca.key")
    extensions = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"]
    subject = ["-subj", "/CN=Contacts test authority", "-days", "30", *extensions]
    openssl("req", "-x509", "-new", "-key", folder / "ca.key", *subject, "-out", folder / "ca.pem")


def make_server_certificate(folder: Path, *, names: str, days: int = 30) -> None:
    """Write `key.pem` and `cert.pem`, signed by the authority in `folder`. With negative `days`, they have expired."""
    make_key(folder / "key.pem")
    (folder / "server.ext").write_text(SERVER_EXTENSIONS.format(names=names))
    openssl("req", "-new", "-key", folder / "key.pem", "-subj", "/CN=dc1", "-out", folder / "server.csr")
    authority: list[str | Path] = ["-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial"]
    request: list[str | Path] = ["-in", folder / "server.csr", "-days", str(days)]
    request += ["-extfile", folder / "server.ext"]
    openssl("x509", "-req", *request, *authority, "-out", folder / "cert.pem")


def make_key(path: Path) -> None:
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
    path.chmod(0o600)
