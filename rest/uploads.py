"""Uploaded files: the bytes of a request's body, or of the file in a form, streamed and within a limit."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from rest.problems import Malformed, TooLarge

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_MAX_FIELDS = 100
_MAX_FIELD_BYTES = 1 << 16


async def body(request: Request, limit: int) -> AsyncGenerator[bytes]:
    """Stream the body. Raises `TooLarge` as soon as it is known to exceed `limit`, `Malformed` if it is incomplete."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > limit):
        raise TooLarge(limit)
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise TooLarge(limit)
            yield chunk
    except ClientDisconnect:
        raise Malformed("The connection was closed before the body was complete. Send the request again.") from None


async def form_file(request: Request, chunks: AsyncIterator[bytes]) -> tuple["Form", AsyncGenerator[bytes]]:
    """A form, as far as it has arrived, and the bytes of its file, streamed.

    The form contains the file's name at once, and all other fields when the file has been read. Raises `Malformed`,
    also in the iterator, if the form has no file or two, or is incomplete.
    """
    form = Form()
    pieces = _parsed(request, chunks, form)
    first = b""
    async for first in pieces:  # noqa: B007  # the name is known with the first piece
        break

    async def whole() -> AsyncGenerator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return form, whole()


async def _parsed(request: Request, chunks: AsyncIterator[bytes], form: "Form") -> AsyncGenerator[bytes]:
    _, options = parse_options_header(request.headers.get("content-type", ""))
    if not options.get(b"boundary"):
        raise Malformed("The Content-Type multipart/form-data has no boundary. Add it.")
    parser = MultipartParser(options[b"boundary"], form.callbacks())
    try:
        async for chunk in chunks:
            parser.write(chunk)
            if form.found:
                yield b"".join(form.found)
                form.found.clear()
        parser.finalize()
    except FormParserError as error:
        raise Malformed(f"The form cannot be read: {error}.") from None
    if not form.is_whole:
        raise Malformed("The form is incomplete: its closing boundary is missing. Send it again.")
    if form.name is None:
        raise Malformed("The form has no file. Send the CSV file as a part with a file name.")


class Form:
    """A form: a single file, whose bytes are added to `found` as they arrive, and short fields."""

    def __init__(self) -> None:
        self.found: list[bytes] = []
        self.name: str | None = None
        self.is_whole = False
        self._parts: list[tuple[str, bytearray]] = []
        self._header = b""
        self._value = b""
        self._disposition = b""
        self._inside = False

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Names and values of the fields except for the file, in order."""
        return [(name, value.decode(errors="replace")) for name, value in self._parts]

    def callbacks(self) -> "MultipartCallbacks":
        """The callbacks of the parser."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_field,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_data,
            "on_part_end": self._end,
            "on_end": self._on_end,
        }

    def _begin(self) -> None:
        self._header = self._value = self._disposition = b""

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._inside = b"filename" in options
        if not self._inside:
            self._parts.append((options.get(b"name", b"").decode(errors="replace"), bytearray()))
            if len(self._parts) > _MAX_FIELDS:
                raise Malformed(f"The form has more than {_MAX_FIELDS} fields. Send fewer.")
        elif self.name is not None:
            raise Malformed("The form has more than one file. Send one file at a time.")
        else:
            self.name = options[b"filename"].decode(errors="replace")[:256]

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self.found.append(data[start:end])
            return
        name, value = self._parts[-1]
        value += data[start:end]
        if len(value) > _MAX_FIELD_BYTES:
            raise Malformed(f"The form field {name[:80]!r} has more than {_MAX_FIELD_BYTES:,} bytes. Shorten it.")

    def _end(self) -> None:
        self._inside = False

    def _on_end(self) -> None:
        self.is_whole = True
