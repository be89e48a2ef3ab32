"""Entity tags (RFC 9110, sections 8.8.3 and 13.1): a contact's version as HTTP caches and edits know it."""

import re

from resolvers.mastery import is_editable
from rest.problems import Malformed
from storage.documents import Document

_TAG = re.compile(r'[ \t,]*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,[ \t,]*|$)')


def etag(contact: Document) -> str:
    """The entity tag of a contact. A synced contact's is weak: when it last synced is shown, but is no new version."""
    tag = f'"{contact["version"]}"'
    return tag if is_editable(contact) else f"W/{tag}"


def matches(header: str, contact: Document) -> bool:
    """Whether `If-Match` names this contact as it is: `*`, or a strong tag that is its own."""
    return header.strip() == "*" or etag(contact) in [tag for tag in _tags(header) if not tag.startswith("W/")]


def matches_weakly(header: str, contact: Document) -> bool:
    """Whether `If-None-Match` names this contact as it is: `*`, or a tag that is its own but for weakness."""
    own = etag(contact).removeprefix("W/")
    return header.strip() == "*" or own in [tag.removeprefix("W/") for tag in _tags(header)]


def _tags(header: str) -> list[str]:
    """The entity tags of a header. Raises `Malformed` if it is something else, or empty."""
    tags: list[str] = []
    place = 0
    while place < len(header) or not tags:
        found = _TAG.match(header, place)
        if found is None:
            raise Malformed(
                f"{header[:200]!r} is not a list of entity tags. Give the ETag as it was answered, in double quotes."
            )
        tags.append(found[1])
        place = found.end()
    return tags
