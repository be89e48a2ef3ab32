"""Entity tags (RFC 9110, sections 8.8.3 and 13.1): a contact's version, for caches and conditional requests."""

import re
from dataclasses import dataclass

from resolvers.mastery import is_editable
from rest.problems import Malformed, PreconditionFailed
from storage.documents import Document

_TAG = re.compile(r'[ \t,]*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,[ \t,]*|$)')


def etag(contact: Document) -> str:
    """The entity tag of a contact. Weak if it is synced, because its last sync changes without a new version."""
    tag = f'"{contact["version"]}"'
    return tag if is_editable(contact) else f"W/{tag}"


@dataclass(frozen=True, slots=True)
class Conditions:
    """The headers of a conditional request. None if missing."""

    if_match: str | None
    if_none_match: str | None

    def is_unchanged(self, contact: Document) -> bool:
        """Whether the client has this version of the contact already."""
        return self.if_none_match is not None and _matches_weakly(self.if_none_match, contact)

    def expected(self, current: Document) -> int | None:
        """The version that a change requires, None for any. Raises `PreconditionFailed`.

        None for a synced contact, too: the resolver refuses to change it, whatever the version.
        """
        if not is_editable(current):
            return None
        if self.is_unchanged(current):
            raise PreconditionFailed(current, f"If-None-Match: {self.if_none_match}")
        version: int = current["version"]
        return version if self.check_match(current) else None

    def check_match(self, current: Document) -> bool:
        """Whether there is an `If-Match` with tags. Raises `PreconditionFailed` if none of them is the contact's."""
        if self.if_match is None:
            return False
        if not _matches(self.if_match, current):
            raise PreconditionFailed(current, f"If-Match: {self.if_match}")
        return self.if_match.strip() != "*"


def _matches(header: str, contact: Document) -> bool:
    """Whether `If-Match` matches this contact: it is `*`, or contains its tag, and the tag is strong."""
    return header.strip() == "*" or etag(contact) in [tag for tag in _tags(header) if not tag.startswith("W/")]


def _matches_weakly(header: str, contact: Document) -> bool:
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
