"""How to reach the directory: what the settings say, with the files they name read."""

import ssl
from dataclasses import dataclass, field
from typing import Self

from connector.errors import FileUnreadable
from settings import Settings


@dataclass(frozen=True, slots=True)
class Access:
    """Account, trust and patience for one connection. `ca_file` None: the system's authorities."""

    bind_dn: str
    password: str = field(repr=False)
    ca_file: str | None
    seconds: float

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Reads the password file anew. Raises FileUnreadable."""
        return cls(settings.ad_bind_dn, password(settings), ca_file(settings), settings.ad_timeout_seconds)


def ca_file(settings: Settings) -> str | None:
    if settings.ad_ca_file is None:
        return ssl.get_default_verify_paths().cafile
    path = str(settings.ad_ca_file)
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        raise FileUnreadable(f"CONTACTS_AD_CA_FILE names {path}, which holds no PEM certificates: {error}.") from error
    return path


def password(settings: Settings) -> str:
    if settings.ad_password_file is None:
        return settings.ad_password.get_secret_value() if settings.ad_password else ""
    path = settings.ad_password_file
    try:
        text = path.read_text().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadable(f"CONTACTS_AD_PASSWORD_FILE names {path}, which cannot be read: {error}.") from error
    # An empty password would sign in as nobody, to whom the directory looks empty.
    if not text:
        raise FileUnreadable(f"CONTACTS_AD_PASSWORD_FILE names {path}, which is empty.")
    return text
