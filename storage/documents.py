"""What is stored: plain documents under their GraphQL field names, and their identifiers."""

from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import uuid_utils

# A document as MongoDB returns it: its values are whatever was stored, so their type is Any by nature.
Document = dict[str, Any]

Source = Literal["CLOUD", "SYNCED"]
Gal = Literal["VISIBLE", "HIDDEN"]
SOURCES: tuple[Source, ...] = ("CLOUD", "SYNCED")
GALS: tuple[Gal, ...] = ("VISIBLE", "HIDDEN")


def new_id() -> str:
    """A new identifier: a UUIDv7, so that identifiers sort by the time they were made (RFC 9562)."""
    return str(uuid_utils.uuid7())


def created_at(identifier: str) -> datetime:
    """The moment a UUIDv7 was made, in UTC, to the millisecond."""
    return datetime.fromtimestamp((UUID(identifier).int >> 80) / 1000, UTC)


def now() -> datetime:
    """The present moment in UTC, to the millisecond, which is what MongoDB stores."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def utc(moment: datetime) -> str:
    """A moment as it is shown: ISO 8601 in UTC to the millisecond (`2026-11-23T17:49:05.795Z`)."""
    text = moment.isoformat(timespec="milliseconds")
    if not text.endswith("+00:00"):
        text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text[:-6] + "Z"
