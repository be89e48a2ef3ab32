"""Account and trust for connections to the directory, from the settings and the files in them."""

import ssl
from dataclasses import dataclass, field
from typing import Self

from connector.errors import FileUnreadable
from settings import Settings


@dataclass(frozen=True, slots=True)
class Access:
    """Account, trusted authorities and timeout of a connection. With `ca_file` None, the system's authorities."""

    bind_dn: str
    password: str = field(repr=False)
    ca_file: str | None
    seconds: float

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Reads the password file each time. Raises FileUnreadable."""
        return cls(settings.ad_bind_dn, password(settings), ca_file(settings), settings.ad_timeout_seconds)


def ca_file(settings: Settings) -> str | None:
    if settings.ad_ca_file is None:
        return ssl.get_default_verify_paths().cafile
    path = str(settings.ad_ca_file)
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        raise FileUnreadable(
            f"The file {path} in CONTACTS_AD_CA_FILE contains no readable PEM certificates: {error}. Correct the path "
            "or the file."
        ) from error
    return path


def password(settings: Settings) -> str:
    if settings.ad_password_file is None:
        return settings.ad_password.get_secret_value() if settings.ad_password else ""
    path = settings.ad_password_file
    try:
        text = path.read_text().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadable(
            f"The file {path} in CONTACTS_AD_PASSWORD_FILE cannot be read: {error}. Correct the path or the file."
        ) from error
    # With an empty password, the sign-in would be anonymous and the directory would look empty.
    if not text:
        raise FileUnreadable(
            f"The file {path} in CONTACTS_AD_PASSWORD_FILE is empty. Write the account's password to it."
        )
    return text
