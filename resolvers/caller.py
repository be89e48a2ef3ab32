"""Who calls a resolver, through which channel, and the database and clock that go with the call."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from storage.changes import Author
from storage.documents import now
from storage.driver import Database


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, with the database they call on.

    Each door makes its own and says so in `author.channel`. `default_region` is the country whose dialling rules
    apply to phone numbers of contacts without a country.
    """

    db: Database
    author: Author
    default_region: str = ""
    clock: Callable[[], datetime] = now
