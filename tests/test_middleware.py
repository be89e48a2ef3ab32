"""The guard: the host names the service answers to, and the header that stops browsers from guessing types."""

import httpx
import pytest
from pydantic import ValidationError

from settings import Settings
from tests.support.environment import HOST


@pytest.mark.parametrize("path", ["/graphql?query={__typename}", "/api/identity/contacts", "/", "/nowhere"])
async def test_other_names_are_refused(client: httpx.AsyncClient, path: str) -> None:
    """A page whose own DNS name points to this machine gets an error that explains why."""
    answer = await client.get(path, headers={"Host": "evil.example:8000"})
    assert (answer.status_code, answer.json()["code"]) == (421, "MISDIRECTED")
    assert "CONTACTS_ALLOWED_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("app.localhost:1", True),
        ("127.0.0.1:8000", True),
        ("127.3.2.1", True),
        ("[::1]:8000", True),
        (f"{HOST}:80", True),
        (None, True),
        ("", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("[::2]", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost@evil.example", False),
        ("evil.example:127.0.0.1", False),
        (f"evil-{HOST}", False),
        ("a" * 70_000 + ".localhost", False),
    ],
)
def test_own_names(host: str | None, expected: bool) -> None:
    """The service answers to loopback addresses, localhost and the names in the settings."""
    assert Settings(allowed_hosts=(HOST,)).answers_to(host) is expected


def test_settings_name_hosts() -> None:
    """Hosts are plain names, separated by spaces."""
    named = Settings.model_validate({"allowed_hosts": "Contacts.example intranet"})
    assert named.allowed_hosts == ("contacts.example", "intranet")
    for wrong in ("*", "https://contacts.example", "contacts.example:80"):
        with pytest.raises(ValidationError, match="write each host as a name"):
            Settings.model_validate({"allowed_hosts": wrong})


@pytest.mark.parametrize("path", ["/graphql", "/api/identity/contacts", "/api/identity/contacts/export", "/nowhere"])
async def test_answers_are_what_they_say(client: httpx.AsyncClient, path: str) -> None:
    """Browsers must not guess the type of an answer: a CSV file is never a page."""
    assert (await client.get(path)).headers["x-content-type-options"] == "nosniff"
