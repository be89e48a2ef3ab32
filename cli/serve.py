"""The process that serves: which address it may take, what ends it, and uvicorn, which does the work."""

import errno
import signal
import socket
import sys
from types import FrameType

import uvicorn

from settings import Settings, is_loopback

_FACTORY = "app:from_environment"
_ENDING = (signal.SIGINT, signal.SIGTERM)
# How long a request may still take when the service is told to end; what stands still then is broken off.
_GRACE_SECONDS = 10


class AddressUnusable(Exception):
    """Raised when the service cannot listen where it is told to; the message says what to do."""


def check_address(settings: Settings) -> None:
    """Make sure that the service may listen on its address, and can. Raises `AddressUnusable`."""
    if not is_loopback(settings.host):
        raise AddressUnusable(
            f"CONTACTS_AUTH=none lets everyone in, so the service listens on a loopback address only, not "
            f"{settings.host}. Leave --host out, or put an authenticating proxy before it on this machine."
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
            return f"Port {settings.port} is taken: another program listens on it. Use --port to choose another."
        case errno.EACCES:
            return f"Port {settings.port} may not be used by this user. Use --port to choose one above 1023."
        case _:
            return f"The service cannot listen on {settings.host}: {error.strerror}. Leave --host out, or mend it."


def end_on_signals() -> None:
    """End with success on Ctrl-C and SIGTERM, stopping what was started on the way."""
    for number in _ENDING:
        signal.signal(number, _end)


def run(settings: Settings) -> None:
    """Serve, with the settings of the environment, until a signal ends it and all requests are answered."""
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
    )


def _end(number: int, frame: FrameType | None) -> None:
    """Uvicorn hands the signal on when it has answered its requests; a second one adds nothing."""
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(0)
