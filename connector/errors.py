"""What can go wrong between us and a domain controller. Each message is a sentence that says what to do.

DirectoryError              anything below
├── ExtraMissing            python-ldap is not installed
├── FileUnreadable          the password or CA file is missing, not ours to read, or holds nothing
├── Unreachable             nothing answers, or the connection broke
│   ├── TimedOut            a server accepted us, then kept silent
│   └── NotSynchronized     a server says that it lacks what the other controllers have
├── CertificateRejected     the server's certificate is not one we trust for its name
├── CredentialsRejected     the server refused the account or its password
└── SearchRefused           the server answers, but not this question
"""


class DirectoryError(Exception):
    """Reading the directory failed. `code` is stable and upper case; the message is for an administrator."""

    code = "DIRECTORY_ERROR"


class ExtraMissing(DirectoryError):
    """The LDAP library, an extra of the install, is absent."""

    code = "EXTRA_MISSING"

    def __init__(self) -> None:
        super().__init__(
            "Reading Active Directory needs python-ldap, which is not installed. In a checkout, run "
            "`python3 dev.py install ad`. That builds python-ldap, so first install a C compiler and the headers of "
            "Python, OpenLDAP and Cyrus SASL (Debian and Ubuntu: "
            "apt-get install gcc python3-dev libldap2-dev libsasl2-dev). For a container, build the target `ad`."
        )


class FileUnreadable(DirectoryError):
    """CONTACTS_AD_PASSWORD_FILE or CONTACTS_AD_CA_FILE names a file that gives nothing."""

    code = "FILE_UNREADABLE"


class Unreachable(DirectoryError):
    """No connection to the server, or it broke off."""

    code = "UNREACHABLE"


class TimedOut(Unreachable):
    """A step took longer than CONTACTS_AD_TIMEOUT_SECONDS."""

    code = "TIMED_OUT"


class NotSynchronized(Unreachable):
    """A domain controller has not replicated from the others yet, so that objects would seem to be gone."""

    code = "NOT_SYNCHRONIZED"


class CertificateRejected(DirectoryError):
    """The server's certificate is expired, names another host, or was signed by nobody we trust."""

    code = "CERTIFICATE_REJECTED"


class CredentialsRejected(DirectoryError):
    """The account or its password was refused. No further server is tried, lest the account be locked."""

    code = "CREDENTIALS_REJECTED"


class SearchRefused(DirectoryError):
    """The search cannot be answered in full: a base DN that is not there, a bad filter, a right that lacks."""

    code = "SEARCH_REFUSED"
