"""The guard: the host names the service answers to, and the header that stops browsers from guessing types."""

import httpx
import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from settings import Settings
from storage.driver import Database
from tests.support.environment import HOST
from tests.support.service import machines


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
        ('a",error="b.localhost', False),
        ("a b.localhost", False),
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


@pytest.mark.parametrize("path", ["/graphql", "/api/identity/contacts", "/healthz", "/nowhere"])
async def test_answers_are_not_shown_in_other_pages(client: httpx.AsyncClient, path: str) -> None:
    """Nothing of the service appears in a frame of another site's page."""
    assert (await client.get(path)).headers["x-frame-options"] == "DENY"


async def test_two_names_are_refused(client: httpx.AsyncClient) -> None:
    """A request with two hosts is refused, even if both are ours: a proxy could have looked at the other one."""
    answer = await client.get("/api/identity/contacts", headers=[("Host", HOST), ("Host", "localhost")])
    assert answer.status_code == 421
    assert f"{HOST}, localhost" in answer.json()["detail"]


async def test_health_checks_may_use_any_name(client: httpx.AsyncClient) -> None:
    """Orchestrators check the health of a machine by its address."""
    for path in ("/healthz", "/readyz"):
        assert (await client.get(path, headers={"Host": "10.0.0.1:8000"})).status_code == 200


async def test_refused_origin_is_logged_with_its_setting(settings: Settings, db: Database) -> None:
    """The log says once which setting allows a page whose calls fail. Pages that are allowed are not logged."""
    async with machines(settings.model_copy(update={"allowed_origins": ("https://front.example",)})) as found:
        client = found.client("127.0.0.1", "http://127.0.0.1:8000")
        origins = ("http://localhost:5173", "http://localhost:5173", "https://front.example", "http://127.0.0.1:8000")
        with capture_logs() as logs:
            for origin in origins:
                await client.get("/healthz", headers={"Origin": origin})
    (line,) = (each for each in logs if "CONTACTS_ALLOWED_ORIGINS" in each["event"])
    assert line["origin"] == "http://localhost:5173"


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("http://localhost:5173", True),
        ("http://127.0.0.1:5173", True),
        ("https://[::1]:5173", True),
        ("http://app.localhost", True),
        ("http://localhost.evil.example", False),
        ("http://evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://127.0.0.1@evil.example", False),
        ("null", False),
    ],
)
async def test_demo_allows_pages_of_this_machine(
    settings: Settings, db: Database, origin: str, is_allowed: bool
) -> None:
    """With the setting, pages of development servers on any port may call, and no others."""
    async with machines(settings.model_copy(update={"allow_loopback_origins": True})) as found:
        client = found.client("127.0.0.1", "http://127.0.0.1:8000")
        preflight = {"Origin": origin, "Access-Control-Request-Method": "PATCH"}
        answer = await client.options("/api/identity/contacts", headers=preflight)
        assert (answer.status_code == 200) == is_allowed
        assert answer.headers.get("access-control-allow-origin") == (origin if is_allowed else None)
        answer = await client.get("/api/identity/contacts", headers={"Origin": origin})
        assert answer.headers.get("access-control-allow-origin") == (origin if is_allowed else None)
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert {"RateLimit", "Retry-After", "ETag"} <= set(exposed)
