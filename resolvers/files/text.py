"""The text of an uploaded file: detects the encoding, and decodes piece by piece.

The encoding is detected by a byte-order mark, by the NULs of UTF-16, or by whether all bytes are valid UTF-8. Otherwise
it is Windows-1252. Letter statistics are not used: a contact list has few accented names, so they would confuse
Windows-1252 with Windows-1250 and damage every ñ.
"""

import codecs
import re
from collections.abc import AsyncIterable, AsyncIterator

from resolvers.errors import ImportUnreadable

BLOCK = 1 << 18
MARK = "\ufeff"
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "windows-1252")
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UTF_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_BROKEN = re.compile("[\ud800-\udfff\ufffd]")
_OTHER_FORMATS = {
    b"PK\x03\x04": "an Excel workbook or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"\x1f\x8b": "a compressed file",
}


async def blocks(chunks: AsyncIterable[bytes], size: int = BLOCK) -> AsyncIterator[bytes]:
    """The same bytes in blocks of this size, except for the last one, whatever the size of the chunks."""
    pending = bytearray()
    async for chunk in chunks:
        pending += chunk
        while len(pending) >= size:
            yield bytes(pending[:size])
            del pending[:size]
    if pending:
        yield bytes(pending)


class Detector:
    """Detects the encoding of a file. Feed it all blocks in order."""

    def __init__(self) -> None:
        self._decided: str | None = None
        self._utf8 = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._started = False
        self._sound = 0
        self._broken = 0

    def feed(self, block: bytes) -> None:
        """Process the next block. Raises `ImportUnreadable` if the first block is of another kind of file."""
        if not self._started:
            self._started = True
            _refuse_other_formats(block)
            self._decided = _by_mark(block) or _by_nuls(block)
        if self._decided is None:
            self._count(self._utf8.decode(block))

    def encoding(self) -> str:
        """The detected encoding.

        UTF-8 with a few invalid bytes is still UTF-8, so that they affect only their rows and not every accent.
        """
        if self._decided is None:
            self._count(self._utf8.decode(b"", True))
        return self._decided or ("utf-8" if self._broken <= self._sound else "windows-1252")

    def _count(self, text: str) -> None:
        if not text.isascii():
            sound = text.encode("utf-8", "ignore").decode()
            self._broken += len(text) - len(sound)
            self._sound += len(sound) - len(sound.encode("ascii", "ignore"))


class Decoder:
    """Decodes a file block by block. Invalid bytes become lone surrogates, which the rules refuse."""

    def __init__(self, encoding: str) -> None:
        errors = "surrogatepass" if encoding.startswith("utf-16") else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._at_start = True

    def feed(self, block: bytes, last: bool = False) -> str:
        """The text of the next block. Raises `ImportUnreadable` if the file ends within a character."""
        try:
            text = self._decoder.decode(block, last)
        except UnicodeDecodeError as error:
            raise ImportUnreadable("The file is incomplete: it ends within a character. Upload it again.") from error
        if self._at_start and text:
            self._at_start = False
            text = text.removeprefix(MARK)
        return text


def is_broken(text: str) -> bool:
    """Whether the text contains bytes that are invalid in the file's encoding, or the replacement character."""
    return not text.isascii() and _BROKEN.search(text) is not None


def storable(text: str) -> str:
    """The text with invalid bytes shown as the replacement character."""
    return _BROKEN.sub("\ufffd", text) if not text.isascii() else text


def _refuse_other_formats(block: bytes) -> None:
    if block.startswith(_UTF_32) or block[1:4] == b"\0\0\0" or block[:3] == b"\0\0\0":
        raise ImportUnreadable("The encoding UTF-32 is not supported. Save the file as CSV UTF-8 and upload it again.")
    for magic, name in _OTHER_FORMATS.items():
        if block.startswith(magic):
            raise ImportUnreadable(f"This is {name}, not a CSV file. Save the sheet as CSV UTF-8 and upload it.")


def _by_mark(block: bytes) -> str | None:
    return next((encoding for mark, encoding in _MARKS.items() if block.startswith(mark)), None)


def _by_nuls(block: bytes) -> str | None:
    """UTF-16 without a mark: the letters of a header are ASCII, so every other byte is NUL."""
    head = block[:256]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) // 4 and even * 8 < odd:
        return "utf-16-le"
    if even > len(head) // 4 and odd * 8 < even:
        return "utf-16-be"
    return None
