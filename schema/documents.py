"""How GraphQL reads the resolvers' results: documents as stored, without creating an object for each.

Strawberry type classes describe documents and are never instantiated for them. Where a signature expects an instance,
`as_type` casts the document.
"""

from datetime import UTC, datetime
from functools import cache
from typing import TypeVar, cast

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.utils.str_converters import to_camel_case

from storage.documents import Document, utc

T = TypeVar("T")


def as_type(kind: type[T], document: Document) -> T:
    """Cast a document to a GraphQL type, which works because `read` handles both alike."""
    return cast("T", document)


def read(source: object, name: str) -> object:
    """A field of a document or an object; None if a document lacks it."""
    if isinstance(source, dict):
        return source.get(stored_name(name))
    return cast("object", getattr(source, name))


@cache
def stored_name(name: str) -> str:
    """The stored name of a field: its GraphQL name, except `_id` for `id`."""
    return "_id" if name == "id" else to_camel_case(name)


def _moment(text: object) -> datetime:
    if not isinstance(text, str):
        raise ValueError("A DateTime must be a string such as 2026-11-23T17:49:05Z.")
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:80]!r} is not a date and time. Use the format 2026-11-23T17:49:05Z.") from None
    raise ValueError(f"{text!r} has no time zone. Append Z for UTC, or an offset such as +01:00.")


CONFIG = StrawberryConfig(
    default_resolver=read,
    disable_field_suggestions=False,
    scalar_map={
        datetime: strawberry.scalar(
            name="DateTime",
            description="A date and time in ISO 8601, with a time zone. Results are in UTC with milliseconds, such as "
            "`2026-11-23T17:49:05.795Z`.",
            specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
            serialize=utc,
            parse_value=_moment,
        ),
    },
)
