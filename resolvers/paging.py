"""Cursors and page sizes for clients. A cursor is opaque and only valid for one list in one ordering."""

import binascii
from base64 import b64decode, urlsafe_b64encode
from binascii import b2a_base64
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b

from resolvers.errors import InvalidRequest
from storage.documents import Document
from storage.lists.pages import Ordering, Window, key, keys

__all__ = ["DEFAULT_SIZE", "MAX_SIZE", "cursor", "cursors", "decode", "encode", "key", "window"]

DEFAULT_SIZE = 50
MAX_SIZE = 500
_URL_SAFE = str.maketrans("+/", "-_")


def cursor(ordering: Ordering, document: Document) -> str:
    """The cursor of a document in a list with this ordering."""
    return encode(ordering, key(document, ordering))


def cursors(ordering: Ordering, documents: Sequence[Document]) -> list[str]:
    """The cursor of each of these documents."""
    mark = _mark(ordering).encode()
    encoded = [(mark + b2a_base64(each.encode(), newline=False)).decode() for each in keys(documents, ordering)]
    # Most do not contain the two characters with a meaning in URLs.
    return [each if "+" not in each and "/" not in each else each.translate(_URL_SAFE) for each in encoded]


def encode(ordering: Ordering, sort_key: str) -> str:
    """The cursor for a key in the ordering."""
    return _mark(ordering) + urlsafe_b64encode(sort_key.encode()).decode()


def decode(ordering: Ordering, given: str) -> str:
    """The key in a cursor. Raises `InvalidRequest` if the cursor is malformed or of another list or ordering."""
    if given.startswith(_mark(ordering)):
        with suppress(binascii.Error, UnicodeError):
            sort_key = b64decode(given[len(_mark(ordering)) :].encode(), b"-_", validate=True).decode()
            if encode(ordering, sort_key) == given:
                return sort_key
    raise InvalidRequest(
        f"{given[:80]!r} is not a cursor of this list in this ordering. Use a cursor from the same list and ordering, "
        "or omit it to start from the beginning."
    )


def window(
    ordering: Ordering,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Window:
    """The requested page, by default with `DEFAULT_SIZE` items. Raises `InvalidRequest`."""
    if first is not None and last is not None:
        raise InvalidRequest("Use either first to page forward or last to page backward, not both.")
    size = next((each for each in (first, last) if each is not None), DEFAULT_SIZE)
    if not 0 <= size <= MAX_SIZE:
        raise InvalidRequest(f"The page size must be 0 to {MAX_SIZE}, not {size}. Request several pages instead.")
    return Window(
        size,
        None if after is None else decode(ordering, after),
        None if before is None else decode(ordering, before),
        backwards=last is not None,
    )


@lru_cache(maxsize=64)
def _mark(ordering: Ordering) -> str:
    """Four characters that identify the list and its ordering."""
    name = f"{ordering.of} {ordering.field} {ordering.descending}"
    return urlsafe_b64encode(blake2b(name.encode(), digest_size=3).digest()).decode()
