"""HTTP as uvicorn speaks it, with limits for what comes before a body, which any stranger can send."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 30.0
"""How long a client may take to send the address and headers of a request."""


class LimitedHead(HttpToolsProtocol):
    """Closes connections that send too much or take too long without completing a head or a piece of a body.

    uvicorn keeps an unfinished URL, header or trailer in memory, however long it gets, and copies it for each part that
    arrives. A little more than the limit is accepted if it arrives at once.
    """

    _unfinished = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._start_timer()
        super().on_message_begin()

    def data_received(self, data: bytes) -> None:
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"The address and headers exceed {MAX_HEAD_BYTES // 1024} KiB. Send fewer.")

    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._unfinished = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished = 0
        super().on_message_complete()

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
