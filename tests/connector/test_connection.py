"""Ranged answers that Samba cannot be made to give."""

import pytest

from connector.access import Access
from connector.connection import LdapConnection, Search
from connector.entry import Entry
from connector.errors import SearchRefused

pytest.importorskip("ldap", reason="it needs python-ldap, the extra named ad")


@pytest.mark.parametrize("rows", [[], [Entry("CN=G", {})], [Entry("CN=G", {"member;range=3-*": []})]])
def test_range_that_is_missing(monkeypatch: pytest.MonkeyPatch, rows: list[Entry]) -> None:
    """If the remaining members of a group cannot be read, that is an error, not a group with fewer members."""

    def search(connection: LdapConnection, search: Search, controls: list[object]) -> tuple[list[Entry], list[object]]:
        return rows, []

    monkeypatch.setattr(LdapConnection, "_search", search)
    connection = LdapConnection("ldaps://127.0.0.1", Access("CN=reader", "secret", None, 1))
    with pytest.raises(SearchRefused, match="changed while it was read"):
        connection._completed(Entry("CN=G", {"member;range=0-2": [b"a", b"b", b"c"]}), "member")
