"""Finds out why a TLS connection failed. The LDAP library only reports that it cannot contact the server.

Depending on how it was built, it reports an expired certificate, a refused port and an unknown name with the same
words. Therefore, only after a failure, the same steps are repeated with Python's own TLS.
"""

import socket
import ssl
from urllib.parse import urlsplit

from connector.errors import CertificateRejected, DirectoryError, Unreachable
from connector.failures import timed_out

# An LDAPMessage with the extended request 1.3.6.1.4.1.1466.20037 (RFC 4511, section 4.14.1).
STARTTLS_REQUEST = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037"


def diagnose(url: str, ca_file: str | None, seconds: float) -> DirectoryError:
    """The error to raise if no TLS connection to `url` can be made. Takes at most about 2 × `seconds`."""
    address = urlsplit(url)
    starttls = address.scheme == "ldap"
    host, port = address.hostname or "", address.port or (389 if starttls else 636)
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            if starttls:
                connection.sendall(STARTTLS_REQUEST)
                connection.recv(4096)
            with ssl.create_default_context(cafile=ca_file).wrap_socket(connection, server_hostname=host):
                return Unreachable(
                    f"{url} accepts TLS, but does not answer LDAP requests. Check the port and try again."
                )
    except ssl.SSLCertVerificationError as error:
        return rejected(url, error.verify_message)
    except TimeoutError:
        return timed_out(url, seconds)
    except OSError as error:
        reason = error.strerror or error
        return Unreachable(f"Cannot connect to {url} with TLS: {reason}. Check the name, port and firewall.")


def rejected(url: str, reason: str) -> CertificateRejected:
    return CertificateRejected(
        f"The certificate of {url} is not trusted: {reason}. Use the server name in the certificate, and set "
        "CONTACTS_AD_CA_FILE to a file with the authority that signed it."
    )
