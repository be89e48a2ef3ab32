"""Who calls a resolver, through which channel, and the database and clock of the call."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Literal

from storage.changes import Author
from storage.documents import now
from storage.driver import Database


class Role(IntEnum):
    """What a user may do. Each role includes the previous ones."""

    READER = 1
    EDITOR = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Identity:
    """A signed-in person or app.

    `id` never changes and is unique, unlike `name`. `role` is None if they have none of our roles, and may then do
    nothing. `expires_at`: when the sign-in ends, in seconds since 1970, None for never.
    """

    id: str
    name: str
    kind: Literal["USER", "APP"]
    role: Role | None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and the database of the call.

    Each channel creates its own and sets `author.channel`. `default_region` is the ISO 3166 code of the country whose
    dialing rules apply to the phone numbers of contacts without a country, empty for none.
    """

    db: Database
    author: Author
    default_region: str = ""
    clock: Callable[[], datetime] = now
