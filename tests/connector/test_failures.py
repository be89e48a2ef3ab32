"""What python-ldap's errors mean."""

import pytest

from connector.errors import TimedOut
from connector.failures import failure


class TIMELIMIT_EXCEEDED(Exception):  # noqa: N801 - as python-ldap calls it
    """Stands for python-ldap's error of this name."""


class TIMEOUT(Exception):
    """Stands for python-ldap's error of this name."""


@pytest.mark.parametrize(
    ("error", "told"),
    [(TIMELIMIT_EXCEEDED(), "MaxQueryDuration"), (TIMEOUT(), "CONTACTS_AD_TIMEOUT_SECONDS")],
)
def test_whose_time_ran_out(error: Exception, told: str) -> None:
    """A server that stops at its own time limit is told from one that is silent: other settings help."""
    found = failure(error, "ldaps://dc1", "the search below 'DC=corp'", 30)
    assert isinstance(found, TimedOut)
    assert told in str(found)
