"""Who calls a resolver, through which channel, and the database and clock of the call."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from storage.changes import Author
from storage.documents import now
from storage.driver import Database


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
