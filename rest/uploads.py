"""Uploaded files: the bytes of a request's body, or of the file in its form, as they arrive, within a limit."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from rest.problems import Malformed, TooLarge

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_MOST_FIELDS = 100
_LONGEST_FIELD = 1 << 16


async def body(request: Request, limit: int) -> AsyncGenerator[bytes]:
    """The body as it arrives. Raises `TooLarge` as soon as it is known to be longer, `Malformed` if it is cut off."""
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
        raise Malformed("The connection ended before the body did.") from None


async def form_file(request: Request, chunks: AsyncIterator[bytes]) -> tuple["Form", AsyncGenerator[bytes]]:
    """A form, as far as it has arrived, and the bytes of its file as they arrive.

    The form has its file's name at once, and all its other fields when the file is used up. Raises `Malformed`, in the
    iterator too, for a form without a file, with two, or cut off.
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
        raise Malformed("The Content-Type multipart/form-data has no boundary.")
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
        raise Malformed("The form ends before its closing boundary. Send it again, whole.")
    if form.name is None:
        raise Malformed("The form has no file. Send the CSV file as a part with a file name.")


class Form:
    """A form: the one part that has a file name, whose bytes are taken from `found`, and short fields besides."""

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
        """Names and values of the fields that are no file, in their order."""
        return [(name, value.decode(errors="replace")) for name, value in self._parts]

    def callbacks(self) -> "MultipartCallbacks":
        """What the parser calls, by its names."""
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
            if len(self._parts) > _MOST_FIELDS:
                raise Malformed(f"The form has more than {_MOST_FIELDS} fields.")
        elif self.name is not None:
            raise Malformed("The form has more than one file. Send one at a time.")
        else:
            self.name = options[b"filename"].decode(errors="replace")[:256]

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self.found.append(data[start:end])
            return
        name, value = self._parts[-1]
        value += data[start:end]
        if len(value) > _LONGEST_FIELD:
            raise Malformed(f"The field {name[:80]!r} of the form has more than {_LONGEST_FIELD:,} bytes.")

    def _end(self) -> None:
        self._inside = False

    def _on_end(self) -> None:
        self.is_whole = True
