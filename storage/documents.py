"""Stored documents: plain dictionaries with the GraphQL field names, and their IDs."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import uuid_utils
from bson.tz_util import utc as bson_utc

# A document as MongoDB returns it. Its values can be anything that was stored, therefore Any.
Document = dict[str, Any]

Source = Literal["CLOUD", "SYNCED"]
Gal = Literal["VISIBLE", "HIDDEN"]
SOURCES: tuple[Source, ...] = ("CLOUD", "SYNCED")
GALS: tuple[Gal, ...] = ("VISIBLE", "HIDDEN")
_UTC = (bson_utc, UTC)

RETENTION = timedelta(days=30)
"""How long deleted contacts, imports and sync runs are kept. A TTL index then removes them by their `purgeAt`."""


def new_id() -> str:
    """A new ID: a UUIDv7 (RFC 9562), so that IDs sort by creation time."""
    return str(uuid_utils.uuid7())


def created_at(identifier: str) -> datetime:
    """When a UUIDv7 was created, in UTC with millisecond precision."""
    return datetime.fromtimestamp(int(identifier[:8] + identifier[9:13], 16) / 1000, UTC)


def first_id(moment: datetime) -> str:
    """The lowest ID that can be created at this time: earlier IDs are less, later ones are greater."""
    digits = f"{max(0, int(moment.timestamp() * 1000)):012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"


def now() -> datetime:
    """The current time in UTC with millisecond precision, as MongoDB stores it."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def utc(moment: datetime) -> str:
    """A time in ISO 8601, in UTC with milliseconds (`2026-11-23T17:49:05.795Z`)."""
    if moment.tzinfo not in _UTC:
        moment = moment.astimezone(UTC)
    # Formatting without a time zone is faster: bson's is computed in Python.
    return moment.replace(tzinfo=None).isoformat("T", "milliseconds") + "Z"
