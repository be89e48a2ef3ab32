"""How settings are shown."""

import sys

import pytest
from typer.testing import CliRunner

from cli.commands import app, main

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


def test_invalid_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    """An invalid MongoDB URI ends the command with a one-line message that does not contain the password."""
    monkeypatch.setenv("CONTACTS_MONGODB_URI", "mongodb://user:secret@word@db.example/")
    monkeypatch.setattr(sys, "argv", ["contacts", "stats"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert str(ended.value.code).startswith("contacts: CONTACTS_MONGODB_URI is not a valid MongoDB URI: Username and")
    assert "secret" not in str(ended.value.code)
