"""What every resolver works with: the database, the caller, and the clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from storage.changes import Author
from storage.documents import now
from storage.driver import Database


@dataclass(frozen=True, slots=True)
class Directory:
    """The directory as one caller has it before them."""

    db: Database
    author: Author
    default_region: str = ""
    clock: Callable[[], datetime] = now

    def through(self, door: str) -> "Directory":
        """The directory as the same caller has it by this door."""
        return Directory(self.db, Author(self.author.name, door), self.default_region, self.clock)
