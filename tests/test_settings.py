"""How settings are shown."""

import sys

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from cli.commands import app, main
from settings import Settings, is_confidential

SECRETS = {
    "CONTACTS_MONGODB_URI": "mongodb://user:pa:ss@word@db.example:27017/?tls=true",
    "CONTACTS_AD_URLS": "ldaps://dc.example",
    "CONTACTS_AD_BIND_DN": "reader@corp.example",
    "CONTACTS_AD_PASSWORD": "pa:ss@word",
}


def test_passwords_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """`contacts settings` prints the settings with passwords masked."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    shown = CliRunner().invoke(app, ["settings"]).output
    assert "CONTACTS_MONGODB_URI=mongodb://user:**********@db.example:27017/?tls=true" in shown
    assert "CONTACTS_AD_PASSWORD=**********" in shown
    assert "pa:ss" not in shown
    assert "word" not in shown.lower().replace("password", "")


def test_secrets_in_options_are_not_shown() -> None:
    """The options of a MongoDB URI can contain secrets, too. `contacts settings` and the audit log have others only."""
    options = "tls=true&tlsCertificateKeyFilePassword=hunter2&authMechanismProperties=AWS_SESSION_TOKEN:t0k&appName=a"
    shown = Settings(mongodb_uri=f"mongodb://db.example/?{options}").shown("mongodb_uri")
    assert shown == (
        "mongodb://db.example/?tls=true&tlsCertificateKeyFilePassword=**********"
        "&authMechanismProperties=**********&appName=a"
    )


def test_invalid_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    """An invalid MongoDB URI ends the command with a one-line message that does not contain the password."""
    monkeypatch.setenv("CONTACTS_MONGODB_URI", "mongodb://user:secret@word@db.example/")
    monkeypatch.setattr(sys, "argv", ["contacts", "stats"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert str(ended.value.code).startswith("contacts: CONTACTS_MONGODB_URI is not a valid MongoDB URI: Username and")
    assert "secret" not in str(ended.value.code)


OIDC = {"auth": "oidc", "oidc_issuer": "https://login.example/realms/contacts", "oidc_audience": "contacts"}


@pytest.mark.parametrize(
    "issuer",
    [
        "https://login.example",
        "https://login.example/",
        "https://login.example:8443/realms/common",
        "https://login.microsoftonline.com/11111111-aaaa-4bbb-8ccc-0123456789ab/v2.0",
        "http://127.0.0.1:3000",
        "http://localhost:3000/oidc",
        "http://[::1]:3000",
    ],
)
def test_issuer(issuer: str) -> None:
    """An issuer is an https address, or any on loopback."""
    assert Settings.model_validate(OIDC | {"oidc_issuer": issuer}).oidc_issuer == issuer


@pytest.mark.parametrize(
    "issuer",
    [
        "login.example",
        "http://login.example",
        "http://127.0.0.1.example",
        "https://",
        "https://login.example?tenant=1",
        "https://login.example/#top",
        "https://login.example/ ",
        "https://login.example/\n",
        "https://ada:secret@login.example",
        "https://login.example:port",
        "https://[::1",
        "ftp://login.example",
        "https://lögin.example",
    ],
)
def test_bad_issuer(issuer: str) -> None:
    """Other issuers are refused with what to write."""
    with pytest.raises(ValidationError, match="write CONTACTS_OIDC_ISSUER as an https address"):
        Settings.model_validate(OIDC | {"oidc_issuer": issuer})


@pytest.mark.parametrize("tenant", ["common", "organizations", "consumers", "{tenantid}"])
@pytest.mark.parametrize("form", ["https://login.microsoftonline.com/{}/v2.0", "https://sts.windows.net/{}/"])
def test_issuer_of_all_tenants(form: str, tenant: str) -> None:
    """Entra's addresses for all tenants are refused: anyone could sign in. The message asks for the own tenant's."""
    with pytest.raises(ValidationError, match="Set it to your own tenant's"):
        Settings.model_validate(OIDC | {"oidc_issuer": form.replace("{}", tenant)})


@pytest.mark.parametrize("name", ["oidc_issuer", "oidc_audience"])
@pytest.mark.parametrize("value", [None, "", " "])
def test_issuer_and_audience_are_needed(name: str, value: str | None) -> None:
    """To sign in with a provider, its issuer and the audience are needed; without sign-in, they are not."""
    with pytest.raises(ValidationError, match=f"CONTACTS_{name.upper()}"):
        Settings.model_validate(OIDC | {name: value})
    assert Settings.model_validate({name: value}).auth == "none"


def test_confidential_addresses() -> None:
    """An address with a query is confidential if it uses https: some providers' keys have one."""
    assert is_confidential("https://login.example/keys?p=policy")
    assert not is_confidential("https://login.example:0/")
