"""What is stored: plain documents under their GraphQL field names, and their identifiers."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import uuid_utils
from bson.tz_util import utc as bson_utc

# A document as MongoDB returns it: its values are whatever was stored, so their type is Any by nature.
Document = dict[str, Any]

Source = Literal["CLOUD", "SYNCED"]
Gal = Literal["VISIBLE", "HIDDEN"]
SOURCES: tuple[Source, ...] = ("CLOUD", "SYNCED")
GALS: tuple[Gal, ...] = ("VISIBLE", "HIDDEN")
_UTC = (bson_utc, UTC)

RETENTION = timedelta(days=30)
"""How long deleted contacts, imports and sync runs are kept. Then a TTL index removes them by their `purgeAt`."""


def new_id() -> str:
    """A new identifier: a UUIDv7, so that identifiers sort by the time they were made (RFC 9562)."""
    return str(uuid_utils.uuid7())


def created_at(identifier: str) -> datetime:
    """The moment a UUIDv7 was made, in UTC, to the millisecond."""
    return datetime.fromtimestamp(int(identifier[:8] + identifier[9:13], 16) / 1000, UTC)


def now() -> datetime:
    """The present moment in UTC, to the millisecond, which is what MongoDB stores."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def utc(moment: datetime) -> str:
    """A moment as it is shown: ISO 8601 in UTC to the millisecond (`2026-11-23T17:49:05.795Z`)."""
    if moment.tzinfo not in _UTC:
        moment = moment.astimezone(UTC)
    # Without its zone, which bson's computes in Python for each moment of a page.
    return moment.replace(tzinfo=None).isoformat("T", "milliseconds") + "Z"
