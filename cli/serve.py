"""Runs the service with uvicorn: checks the address, serves, and shuts down on signals."""

import errno
import signal
import socket
import ssl
import sys
from pathlib import Path
from types import FrameType

import uvicorn

from settings import Settings, is_loopback

_FACTORY = "app:from_environment"
HTTP = "cli.protocol:LimitedHead"
_ENDING = (signal.SIGINT, signal.SIGTERM)
# How long running requests may take to finish when the service is shut down. Those still running are then canceled.
_GRACE_SECONDS = 10
# How long a worker may take to start, or to answer its supervisor, before it is replaced: it may be busy.
_WORKER_SECONDS = 60


class AddressUnusable(Exception):
    """Raised when the service cannot listen on the configured address; the message says what to do."""


def check_address(settings: Settings) -> None:
    """Check that the service is allowed and able to listen on its address. Raises `AddressUnusable`."""
    _check_protection(settings)
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as uvicorn does
                probe.bind(address)
    except OSError as error:
        raise AddressUnusable(_why(settings, error)) from error


def _check_protection(settings: Settings) -> None:
    """Check that other machines can only reach the service with a sign-in, and encrypted."""
    if settings.tls_certificate_file and settings.tls_key_file:
        _check_certificate(settings.tls_certificate_file, settings.tls_key_file)
    if is_loopback(settings.host):
        return
    if settings.auth == "none":
        raise AddressUnusable(
            f"{settings.host} is not a loopback address. Without a sign-in (CONTACTS_AUTH=none), the service listens "
            f"on loopback addresses only. Omit --host, or set CONTACTS_AUTH to oidc or proxy."
        )
    if not settings.tls_certificate_file and not settings.trusted_proxies:
        raise AddressUnusable(
            f"{settings.host} is not a loopback address, and tokens must not be sent unencrypted. Set "
            "CONTACTS_TLS_CERTIFICATE_FILE and CONTACTS_TLS_KEY_FILE or, if a proxy ends TLS, CONTACTS_TRUSTED_PROXIES."
        )


def _check_certificate(certificate: Path, key: Path) -> None:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, password=_no_password)
    except OSError as error:  # of the files, or of TLS
        raise AddressUnusable(
            f"CONTACTS_TLS_CERTIFICATE_FILE ({certificate}) and CONTACTS_TLS_KEY_FILE ({key}) cannot be used: "
            f"{error.strerror or error}. They must be PEM files of a certificate and its unencrypted private key."
        ) from error


def _no_password() -> str:
    """Keeps OpenSSL from asking for the password of an encrypted key on the terminal."""
    return ""


def _why(settings: Settings, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {settings.port} is in use. Choose another with --port."
        case errno.EACCES:
            return f"This user has no permission to use port {settings.port}. Choose one above 1023 with --port."
        case _:
            return f"The service cannot listen on {settings.host}: {error.strerror}. Omit --host or correct it."


def end_on_signals() -> None:
    """On Ctrl+C and SIGTERM, stop what was started and exit with success."""
    for number in _ENDING:
        signal.signal(number, _end)


def run(settings: Settings) -> None:
    """Serve, with the settings from the environment, until a signal arrives and all requests are answered."""
    uvicorn.run(
        _FACTORY,
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=None,
        access_log=False,
        http=HTTP,
        ws="websockets-sansio",
        ws_max_size=settings.max_body_bytes,  # of clients that have not signed in yet, too
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_worker_healthcheck=_WORKER_SECONDS,
        proxy_headers=False,  # uvicorn would believe every program on this machine
        ssl_certfile=settings.tls_certificate_file,
        ssl_keyfile=settings.tls_key_file and str(settings.tls_key_file),
    )


def _end(number: int, frame: FrameType | None) -> None:
    """Uvicorn raises the signal again after it has answered its requests; ignore any further ones."""
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(0)
