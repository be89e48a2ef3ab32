"""What clients can send before anything else looks at it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from cli import protocol
from cli.protocol import MAX_HEAD_BYTES
from cli.serve import HTTP
from tests.support import waiting

# Sockets buffer a few megabytes.
ENDLESS = 32_000_000
HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


async def counting(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the size of the body."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """The port of a server that reads requests as the service does."""
    config = uvicorn.Config(counting, host="127.0.0.1", port=0, log_level="error", lifespan="off", http=HTTP)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    await waiting.reached(lambda: server.started or running.done())
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


async def answer(port: int, *parts: bytes) -> bytes:
    """What the server sends until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        found = await reader.read()
    except ConnectionError:  # it has closed while we were still sending
        found = b""
    finally:
        writer.close()
    return found


@pytest.mark.parametrize(
    ("start", "part"),
    [(b"GET /", b"a"), (HEAD + b"X: ", b"a"), (HEAD, b"A: b\r\n"), (CHUNKED + b"1\r\na\r\n0\r\n", b"A: b\r\n")],
    ids=["address", "header", "headers", "trailers"],
)
async def test_endless_heads(port: int, start: bytes, part: bytes) -> None:
    """An address, header or trailer that never ends is cut off, long before it fills the memory."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    closed = asyncio.create_task(reader.read())
    piece, sent = part * (16_384 // len(part)), 0
    writer.write(start)
    with suppress(ConnectionError):
        while not closed.done() and sent < ENDLESS:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
            sent += len(piece)
    writer.close()
    await asyncio.gather(closed, return_exceptions=True)
    assert sent < ENDLESS


@pytest.mark.parametrize("start", [b"", b"GE", HEAD + b"X", HEAD.replace(b"close", b"keep-alive") + b"\r\nGE"])
async def test_slow_heads(port: int, monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    """A client that sends no head, or never ends it, does not hold its connection."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    async with asyncio.timeout(waiting.SECONDS):
        await answer(port, start)


@pytest.mark.slow
async def test_slow_bodies(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the head is here, a body may take its time."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 2)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD + b"Content-Length: 1\r\n\r\n")
    await asyncio.sleep(2.5)
    writer.write(b"a")
    assert (await reader.read()).endswith(b"\r\n\r\n1")
    writer.close()


async def test_long_heads(port: int) -> None:
    """What real clients send passes: long tokens, cookies and queries."""
    head = HEAD.replace(b"/ ", b"/?query=" + b"a" * 20_000 + b" ") + b"Authorization: Bearer " + b"a" * 20_000
    assert (await answer(port, head + b"\r\nContent-Length: 3\r\n\r\nabc")).endswith(b"\r\n\r\n3")


async def test_large_bodies(port: int) -> None:
    """Bodies are not limited here, whether they come with their length or in chunks of any size."""
    size = 20 * MAX_HEAD_BYTES
    plain = await answer(port, HEAD + b"Content-Length: %d\r\n\r\n" % size, *[b"a" * 10_000] * (size // 10_000 + 1))
    assert plain.endswith(b"\r\n\r\n%d" % size)
    chunks = b"1\r\na\r\n" * size
    assert (await answer(port, CHUNKED, chunks, b"0\r\n\r\n")).endswith(b"\r\n\r\n%d" % size)
