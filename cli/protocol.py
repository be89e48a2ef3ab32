"""HTTP as uvicorn speaks it, with a limit for what comes before a body: strangers could fill the memory otherwise."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024


class LimitedHead(HttpToolsProtocol):
    """Closes connections that send more than this without completing a head or a piece of a body.

    uvicorn keeps an unfinished URL, header or trailer in memory, however long it gets, and copies it for each part that
    arrives. A little more than the limit is accepted if it arrives at once.
    """

    _unfinished = 0

    def data_received(self, data: bytes) -> None:
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"The address and headers exceed {MAX_HEAD_BYTES // 1024} KiB. Send fewer.")

    def on_headers_complete(self) -> None:
        self._unfinished = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished = 0
        super().on_message_complete()
