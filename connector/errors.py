"""What can go wrong with a domain controller. Each message says what to do.

DirectoryError              any of the following
├── ExtraMissing            python-ldap is not installed
├── FileUnreadable          the password or CA file is missing, cannot be read, or is empty
├── Unreachable             nothing answers, or the connection was lost
│   ├── TimedOut            the server accepted the connection but does not answer
│   └── NotSynchronized     the server has not replicated from the other domain controllers
├── CertificateRejected     the server's certificate is not trusted for its name
├── CredentialsRejected     the server rejected the account or its password
└── SearchRefused           the server answers, but not this search
"""


class DirectoryError(Exception):
    """Reading the directory failed. `code` is stable and in upper case. The message is for administrators."""

    code = "DIRECTORY_ERROR"


class ExtraMissing(DirectoryError):
    """The LDAP library, an extra of the package, is not installed."""

    code = "EXTRA_MISSING"

    def __init__(self) -> None:
        super().__init__(
            "Reading Active Directory needs python-ldap, which is not installed. In a checkout, run "
            "`python3 dev.py install ad`. That builds python-ldap, so first install a C compiler and the headers of "
            "Python, OpenLDAP and Cyrus SASL (Debian and Ubuntu: "
            "apt-get install gcc python3-dev libldap2-dev libsasl2-dev). For a container, build the target `ad`."
        )


class FileUnreadable(DirectoryError):
    """The file in CONTACTS_AD_PASSWORD_FILE or CONTACTS_AD_CA_FILE cannot be used."""

    code = "FILE_UNREADABLE"


class Unreachable(DirectoryError):
    """There is no connection to the server, or it was lost."""

    code = "UNREACHABLE"


class TimedOut(Unreachable):
    """An operation took longer than CONTACTS_AD_TIMEOUT_SECONDS."""

    code = "TIMED_OUT"


class NotSynchronized(Unreachable):
    """The domain controller has not replicated from the others yet, so objects would seem to be deleted."""

    code = "NOT_SYNCHRONIZED"


class CertificateRejected(DirectoryError):
    """The server's certificate has expired, is for another host, or was not signed by a trusted authority."""

    code = "CERTIFICATE_REJECTED"


class CredentialsRejected(DirectoryError):
    """The account or its password was rejected. No other server is tried, because that could lock the account."""

    code = "CREDENTIALS_REJECTED"


class SearchRefused(DirectoryError):
    """The search cannot be answered in full: unknown base DN, invalid filter, or missing permission."""

    code = "SEARCH_REFUSED"
