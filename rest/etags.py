"""Entity tags (RFC 9110, sections 8.8.3 and 13.1): a contact's version, for caches and conditional requests."""

import re

from resolvers.mastery import is_editable
from rest.problems import Malformed
from storage.documents import Document

_TAG = re.compile(r'[ \t,]*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,[ \t,]*|$)')


def etag(contact: Document) -> str:
    """The entity tag of a contact. Weak if it is synced, because its last sync changes without a new version."""
    tag = f'"{contact["version"]}"'
    return tag if is_editable(contact) else f"W/{tag}"


def matches(header: str, contact: Document) -> bool:
    """Whether `If-Match` matches this contact: it is `*`, or contains its tag, and the tag is strong."""
    return header.strip() == "*" or etag(contact) in [tag for tag in _tags(header) if not tag.startswith("W/")]


def matches_weakly(header: str, contact: Document) -> bool:
    """Whether `If-None-Match` matches this contact: it is `*`, or contains its tag, strong or weak."""
    own = etag(contact).removeprefix("W/")
    return header.strip() == "*" or own in [tag.removeprefix("W/") for tag in _tags(header)]


def _tags(header: str) -> list[str]:
    """The entity tags in a header. Raises `Malformed` if it is empty or invalid."""
    tags: list[str] = []
    place = 0
    while place < len(header) or not tags:
        found = _TAG.match(header, place)
        if found is None:
            raise Malformed(
                f"{header[:200]!r} is not a list of entity tags. Send the ETag as received, in double quotes."
            )
        tags.append(found[1])
        place = found.end()
    return tags
