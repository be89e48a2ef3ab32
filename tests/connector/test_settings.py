"""The settings of the sync: how they are read and checked."""

import pytest
from pydantic import ValidationError

from settings import Settings

ACCOUNT: dict[str, object] = {"ad_bind_dn": "CN=reader", "ad_password": "secret"}


def settings(**values: object) -> Settings:
    return Settings.model_validate(values)


def test_lists_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    r"""Servers are separated by spaces and base DNs by semicolons; \; is part of a name."""
    for name, value in {
        "CONTACTS_AD_URLS": " ldaps://dc1:636  ldap://dc2/ ldaps://[::1]",
        "CONTACTS_AD_BASE_DNS": r"OU=a\;b,DC=x; OU=c,DC=x ;",
        "CONTACTS_AD_BIND_DN": "CN=reader",
        "CONTACTS_AD_PASSWORD": "secret",
    }.items():
        monkeypatch.setenv(name, value)
    read = Settings()
    assert read.ad_urls == ("ldaps://dc1:636", "ldap://dc2", "ldaps://[::1]")
    assert read.ad_base_dns == (r"OU=a\;b,DC=x", "OU=c,DC=x")


@pytest.mark.parametrize(
    "url", ["http://dc1", "dc1", "ldapi://%2ftmp", "ldaps://", "ldaps://dc1/dc=x", "ldaps://a:b@dc1"]
)
def test_bad_url(url: str) -> None:
    """A URL is LDAPS, or LDAP upgraded with StartTLS, and names a server with an optional port, nothing else."""
    with pytest.raises(ValidationError, match="ldaps://host"):
        settings(ad_urls=(url,), **ACCOUNT)


@pytest.mark.parametrize("text", ["company=x", "(a=b)(c=d)", "(a=b))(c=d", "(a=b", ")(", "(a=b) "])
def test_bad_filter(text: str) -> None:
    """The additional filter is a single filter in parentheses, so it cannot break out of the one it is put into."""
    with pytest.raises(ValidationError, match="one LDAP filter"):
        settings(ad_filter=text)


@pytest.mark.parametrize("text", ["", "(a=b)", r"(&(a=b)(!(c=\28x\29)))"])
def test_good_filter(text: str) -> None:
    """Nested filters and escaped parentheses are valid."""
    assert settings(ad_filter=text).ad_filter == text


@pytest.mark.parametrize(
    ("account", "message"),
    [
        ({"ad_password": "secret"}, "CONTACTS_AD_BIND_DN"),
        ({"ad_bind_dn": "CN=reader"}, "exactly one"),
        ({**ACCOUNT, "ad_password_file": "/x"}, "exactly one"),
        ({"ad_bind_dn": "CN=reader", "ad_password": ""}, "CONTACTS_AD_PASSWORD is empty"),
    ],
)
def test_account(account: dict[str, object], message: str) -> None:
    """A server needs an account with exactly one password, which is not empty; no message shows the password."""
    with pytest.raises(ValidationError, match=message) as caught:
        settings(ad_urls=("ldaps://dc1",), **account)
    assert "secret" not in str(caught.value)


def test_password_is_not_shown() -> None:
    """Printing the settings does not print the password."""
    assert "secret" not in repr(settings(ad_urls=("ldaps://dc1",), **ACCOUNT))


@pytest.mark.parametrize("size", [0, 1001])
def test_page_size(size: int) -> None:
    """A page has 1 to 1,000 entries, the maximum of a domain controller."""
    with pytest.raises(ValidationError):
        settings(ad_page_size=size)
