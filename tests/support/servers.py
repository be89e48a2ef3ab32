"""Servers that aren't domain controllers and misbehave in all the ways a network can."""

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

# An extended response with resultCode unavailable (52): no StartTLS here.
STARTTLS_REFUSED = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\x00\x04\x00"
STARTTLS_AGREED = STARTTLS_REFUSED.replace(b"\x0a\x01\x34", b"\x0a\x01\x00")

Behavior = Callable[[socket.socket, threading.Event], None]


@contextlib.contextmanager
def listening(behavior: Behavior) -> Iterator[int]:
    """A port on loopback that runs `behavior` in a thread for every connection. Closed at the end of the block."""
    closing = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def accept() -> None:
            with contextlib.ExitStack() as connections:
                while not closing.is_set():
                    with contextlib.suppress(TimeoutError):
                        connection = connections.enter_context(server.accept()[0])
                        thread = threading.Thread(target=quietly, args=(behavior, connection, closing))
                        thread.start()
                        connections.callback(thread.join)

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield server.getsockname()[1]
        finally:
            closing.set()
            acceptor.join()


def quietly(behavior: Behavior, connection: socket.socket, closing: threading.Event) -> None:
    with contextlib.suppress(OSError):
        behavior(connection, closing)


def silent(connection: socket.socket, closing: threading.Event) -> None:
    """Accepts connections and never answers."""
    closing.wait()


def silent_until(leaving: threading.Event, met: threading.Event) -> Behavior:
    """Sets `met` when a client connects, and never answers; closes the connection when `leaving` is set."""

    def behave(connection: socket.socket, closing: threading.Event) -> None:
        met.set()
        while not closing.wait(0.01) and not leaving.is_set():
            pass
        connection.shutdown(socket.SHUT_RDWR)

    return behave


def silent_after_starttls(connection: socket.socket, closing: threading.Event) -> None:
    """Accepts StartTLS, then stops answering."""
    connection.recv(4096)
    connection.sendall(STARTTLS_AGREED)
    closing.wait()


def dripping(connection: socket.socket, closing: threading.Event) -> None:
    """Sends a byte of a long TLS record now and then, so that no single read takes long."""
    connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03")
    while not closing.wait(0.1):
        connection.sendall(b"\x00")


def silent_after_tls(folder: Path) -> Behavior:
    """Completes the TLS handshake with the certificate in `folder`, then never answers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")

    def behave(connection: socket.socket, closing: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True):
            closing.wait()

    return behave


def refusing_starttls(heard: list[bytes]) -> Behavior:
    """Refuses StartTLS, and adds everything it receives to `heard`."""

    def behave(connection: socket.socket, closing: threading.Event) -> None:
        heard.append(connection.recv(4096))
        connection.sendall(STARTTLS_REFUSED)
        while more := connection.recv(4096):
            heard.append(more)

    return behave


def cutting(address: str, after: int, then: Callable[[], None]) -> Behavior:
    """Forwards everything to and from the LDAPS port of `address`, and closes after `after` bytes from there."""

    def behave(connection: socket.socket, closing: threading.Event) -> None:
        forwarded = 0
        with socket.create_connection((address, 636)) as server:
            while not closing.is_set() and forwarded <= after:
                for ready in select.select([connection, server], [], [], 0.05)[0]:
                    data = ready.recv(4096)
                    if not data:
                        return
                    forwarded += len(data) if ready is server else 0
                    (connection if ready is server else server).sendall(data)
        if forwarded > after:
            then()
        connection.shutdown(socket.SHUT_RDWR)

    return behave
