"""How python-ldap's errors are translated."""

import pytest

from connector.errors import TimedOut
from connector.failures import failure


class TIMELIMIT_EXCEEDED(Exception):  # noqa: N801 - as python-ldap calls it
    """Stands in for python-ldap's error of this name."""


class TIMEOUT(Exception):
    """Stands in for python-ldap's error of this name."""


@pytest.mark.parametrize(
    ("error", "setting"),
    [(TIMELIMIT_EXCEEDED(), "MaxQueryDuration"), (TIMEOUT(), "CONTACTS_AD_TIMEOUT_SECONDS")],
)
def test_whose_time_ran_out(error: Exception, setting: str) -> None:
    """A server that stops at its own time limit and one that doesn't answer need different settings."""
    found = failure(error, "ldaps://dc1", "the search below 'DC=corp'", 30)
    assert isinstance(found, TimedOut)
    assert setting in str(found)
