"""Says why no TLS connection came about. The LDAP library itself tells only that it cannot contact the server.

Depending on how it was built, that library answers an expired certificate, a refused port and an unknown name with
the same words. So after a failure, and only then, Python's own TLS takes the same steps and reports.
"""

import socket
import ssl
from urllib.parse import urlsplit

from connector.errors import CertificateRejected, DirectoryError, Unreachable
from connector.failures import timed_out

# An LDAPMessage with the extended request 1.3.6.1.4.1.1466.20037 (RFC 4511, section 4.14.1).
STARTTLS_REQUEST = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037"


def diagnose(url: str, ca_file: str | None, seconds: float) -> DirectoryError:
    """The error to raise for `url`, to which no TLS connection could be made. Takes at most about 2 × `seconds`."""
    address = urlsplit(url)
    starttls = address.scheme == "ldap"
    host, port = address.hostname or "", address.port or (389 if starttls else 636)
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            if starttls:
                connection.sendall(STARTTLS_REQUEST)
                connection.recv(4096)
            with ssl.create_default_context(cafile=ca_file).wrap_socket(connection, server_hostname=host):
                return Unreachable(f"{url} speaks TLS, but not LDAP over it: check the port, and try again.")
    except ssl.SSLCertVerificationError as error:
        return rejected(url, error.verify_message)
    except TimeoutError:
        return timed_out(url, seconds)
    except OSError as error:
        return Unreachable(f"No TLS connection to {url}: {error.strerror or error}. Check name, port and firewall.")


def rejected(url: str, reason: str) -> CertificateRejected:
    return CertificateRejected(
        f"The certificate of {url} is not to be trusted: {reason}. Name the server as its certificate does, and "
        "the authority that signed it in CONTACTS_AD_CA_FILE."
    )
