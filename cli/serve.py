"""Runs the service with uvicorn: checks the address, serves, and shuts down on signals."""

import errno
import signal
import socket
import sys
from types import FrameType

import uvicorn

from settings import Settings, is_loopback

_FACTORY = "app:from_environment"
_ENDING = (signal.SIGINT, signal.SIGTERM)
# How long running requests may take to finish when the service is shut down. Those still running are then canceled.
_GRACE_SECONDS = 10
# How long a worker may take to start, or to answer its supervisor, before it is replaced: it may be busy.
_WORKER_SECONDS = 60


class AddressUnusable(Exception):
    """Raised when the service cannot listen on the configured address; the message says what to do."""


def check_address(settings: Settings) -> None:
    """Check that the service is allowed and able to listen on its address. Raises `AddressUnusable`."""
    if not is_loopback(settings.host):
        raise AddressUnusable(
            f"{settings.host} is not a loopback address. Without a sign-in (CONTACTS_AUTH=none), the service listens "
            f"on loopback addresses only. Omit --host, or put an authenticating proxy in front of it on this machine."
        )
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as uvicorn does
                probe.bind(address)
    except OSError as error:
        raise AddressUnusable(_why(settings, error)) from error


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
        ws="websockets-sansio",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_worker_healthcheck=_WORKER_SECONDS,
    )


def _end(number: int, frame: FrameType | None) -> None:
    """Uvicorn raises the signal again after it has answered its requests; ignore any further ones."""
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(0)
