import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.entry import domain_of, first_rdn, guid_filter, guid_text, is_below, plain_dn, reference
from connector.reader import outermost
from resolvers.sync.source import Reference

GUID = "6f9619ff-8b86-d011-b42d-00c04fc964ff"


@pytest.mark.parametrize(
    ("dn", "domain"),
    [
        ("CN=Ann,OU=x,DC=Corp,DC=example,DC=test", "corp.example.test"),
        (r"CN=Ann\,DC=fake,DC=corp", "corp"),
        ("CN=DC=fake,DC=corp", "corp"),
        ("CN=Ann, DC=corp, DC=example", "corp.example"),
        ("", ""),
    ],
)
def test_domain(dn: str, domain: str) -> None:
    """The domain is made of the DC components of a DN, and nothing that only looks like them."""
    assert domain_of(dn) == domain


@pytest.mark.parametrize(
    ("dn", "first"),
    [("CN=Ann,DC=corp", "CN=Ann"), (r"CN=A\,n\\,DC=corp", r"CN=A\,n\\"), ("CN=Ann\\0ACNF:1,OU=x", r"CN=Ann\0ACNF:1")],
)
def test_first_rdn(dn: str, first: str) -> None:
    """The first component of a DN ends at a comma that isn't escaped."""
    assert first_rdn(dn) == first


def test_extended_dn() -> None:
    """The prefix of the extended DN control is separated from the DN, whatever characters it contains."""
    assert plain_dn(f"<GUID={GUID}>;<SID=S-1-5>;CN=a\\>\\;b,DC=x") == "CN=a\\>\\;b,DC=x"
    assert plain_dn("CN=a,DC=x") == "CN=a,DC=x"
    assert reference(f"<GUID={GUID.upper()}>;CN=a".encode()) == Reference(GUID, "CN=a")
    assert reference(b"CN=a") is None


@given(st.uuids())
def test_guid_filter_and_text(guid: object) -> None:
    """The filter contains the 16 bytes that the text was read from."""
    escaped = guid_filter(str(guid)).removeprefix("(objectGUID=").removesuffix(")")
    assert guid_text(bytes.fromhex(escaped.replace("\\", ""))) == str(guid)


def test_outermost_bases() -> None:
    """A base DN below another one, or the same one in another spelling, is not read twice."""
    bases = ["OU=b,OU=a,DC=x", "ou=A, DC=x", "OU=a,DC=x", "OU=aa,DC=x"]
    assert sorted(outermost(bases)) == sorted(["OU=a,DC=x", "OU=aa,DC=x"])
    assert not is_below("OU=xa,DC=x", "a,DC=x")
