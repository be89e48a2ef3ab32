"""An encrypted connection to a domain controller. It blocks, so `session` runs it in a thread.

Every operation ends within `Access.seconds` or raises TimedOut. All operations are read-only: binds and searches.
"""

import contextlib
import re
import time
from dataclasses import dataclass
from typing import Any

from connector.access import Access
from connector.diagnosis import diagnose
from connector.entry import Attributes, Entry, plain_dn
from connector.errors import NotSynchronized, SearchRefused
from connector.failures import failure, sign_in_failure
from connector.library import ldap_library

SHOW_DELETED = "1.2.840.113556.1.4.417"
EXTENDED_DN = "1.2.840.113556.1.4.529"
GUIDS_AS_TEXT = b"\x30\x03\x02\x01\x01"  # its value: SEQUENCE { INTEGER 1 }
# Windows returns 1,500 values of an attribute at a time. Requesting a range makes every server do that.
RANGE = 1500
RANGED = re.compile(r"(?P<name>[^;]+);range=\d+-(?P<last>\d+|\*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Search:
    """What to read: all matching objects at and below `base`, or, if `below` is false, only `base` itself.

    `ranged` is the attribute, if any, that can have thousands of values. `narrow`: each object has hardly more than its
    objectGUID.
    """

    base: str
    filter: str
    attributes: tuple[str, ...]
    below: bool = True
    deleted: bool = False
    ranged: str = ""
    narrow: bool = False


class LdapConnection:
    """A connection to the domain controller at `url`. Call `open` first, and use it in one thread at a time.

    `beat` is when the last operation began, on the monotonic clock, so that a watcher can distinguish slow from stuck.
    The watcher sets `given_up` when nobody is waiting anymore.
    """

    def __init__(self, url: str, access: Access) -> None:
        self.url, self._access = url, access
        self.beat, self.given_up = time.monotonic(), False
        # Any, here and in what it returns: python-ldap has no type information.
        self._library: Any = ldap_library()
        self._ldap: Any = self._library.initialize(url)

    def open(self) -> None:
        """Connect, encrypt, sign in. Raises Unreachable, TimedOut, CertificateRejected, CredentialsRejected."""
        self._set_options()
        self._sign_in()
        if self.root("isSynchronized").get("isSynchronized") == [b"FALSE"]:
            raise NotSynchronized(
                f"{self.url} has not replicated from the other domain controllers yet. Wait until it has, or use "
                "another one in CONTACTS_AD_URLS."
            )

    def close(self) -> None:
        with contextlib.suppress(self._library.LDAPError):  # the connection may be broken already
            self._ldap.unbind_s()

    def _set_options(self) -> None:
        ldap, seconds = self._library, self._access.seconds
        options: list[tuple[int, object]] = [
            (ldap.OPT_PROTOCOL_VERSION, ldap.VERSION3),
            (ldap.OPT_REFERRALS, 0),
            # Without this, the network timeout does not apply to the TLS handshake with a silent server.
            (ldap.OPT_CONNECT_ASYNC, 1),
            (ldap.OPT_NETWORK_TIMEOUT, seconds),
            (ldap.OPT_TIMEOUT, seconds),
            (ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND),
            (ldap.OPT_X_TLS_PROTOCOL_MIN, ldap.OPT_X_TLS_PROTOCOL_TLS1_2),
        ]
        if self._access.ca_file:
            options.append((ldap.OPT_X_TLS_CACERTFILE, self._access.ca_file))
        options.append((ldap.OPT_X_TLS_NEWCTX, 0))  # last: it applies the TLS options above
        for option, value in options:
            self._ldap.set_option(option, value)
        self._ldap.timeout = seconds

    def _sign_in(self) -> None:
        ldap, access = self._library, self._access
        self.beat = time.monotonic()
        try:
            if self.url.startswith("ldap://"):
                self._ldap.start_tls_s()
            self.beat = time.monotonic()
            self._ldap.simple_bind_s(access.bind_dn, access.password)
        except (ldap.SERVER_DOWN, ldap.CONNECT_ERROR) as error:
            reason = failure(error, self.url, "the sign-in", access.seconds)
            if reason.code != "TIMED_OUT" and not self.given_up:
                self.beat = time.monotonic()
                reason = diagnose(self.url, access.ca_file, access.seconds)
            raise reason from error
        except ldap.LDAPError as error:
            raise sign_in_failure(error, self.url, access.bind_dn, access.seconds) from error

    def root(self, *attributes: str) -> Attributes:
        """Attributes of the rootDSE, where a server describes itself."""
        rows, _ = self._search(Search("", "(objectClass=*)", attributes, below=False), [])
        return rows[0].attributes if rows else {}

    def page(self, search: Search, size: int, cookie: bytes) -> tuple[list[Entry], bytes]:
        """The page for `cookie` (empty for the first one) and the cookie for the next page (empty if there is none).

        Raises Unreachable, TimedOut, SearchRefused. A partial answer is never returned as complete.
        """
        control = self._library.controls.libldap.SimplePagedResultsControl(True, size=size, cookie=cookie)
        rows, answered = self._search(search, [control])
        if search.ranged:
            rows = [self._completed(row, search.ranged) for row in rows]
        for answer in answered:
            if answer.controlType == control.controlType:
                next_cookie: bytes = answer.cookie
                return rows, next_cookie
        raise SearchRefused(
            f"{self.url} does not support paged results. Check that CONTACTS_AD_URLS names domain controllers."
        )

    def _completed(self, row: Entry, name: str) -> Entry:
        """The entry with all values of its ranged attribute, under the plain name."""
        attributes = {key: values for key, values in row.attributes.items() if not RANGED.fullmatch(key)}
        values, last = range_of(row.attributes)
        while last is not None:
            more = Search(row.dn, "(objectClass=*)", (f"{name};range={last + 1}-{last + RANGE}",), below=False)
            rows, _ = self._search(more, [])
            found, last = range_of(rows[0].attributes) if rows else ([], None)
            if not found:
                raise SearchRefused(f"{name} of {row.dn} changed while it was read. The next run reads it again.")
            values += found
        return Entry(row.dn, {**attributes, name: values} if values else attributes)

    def _search(self, search: Search, controls: list[Any]) -> tuple[list[Entry], list[Any]]:
        ldap = self._library
        control = ldap.controls.RequestControl
        controls = [control(EXTENDED_DN, True, GUIDS_AS_TEXT), *controls] if search.base else controls
        if search.deleted:
            controls = [control(SHOW_DELETED, True), *controls]
        scope = ldap.SCOPE_SUBTREE if search.below else ldap.SCOPE_BASE
        attributes = list(search.attributes)
        if search.ranged:
            attributes.append(f"{search.ranged};range=0-{RANGE - 1}")
        self.beat = time.monotonic()
        try:
            asked = self._ldap.search_ext(search.base, scope, search.filter, attributes, serverctrls=controls)
            _, rows, _, answered = self._ldap.result3(asked, timeout=self._access.seconds)
        except ldap.LDAPError as error:
            question = f"the search below {search.base!r}" if search.base else "the search for its rootDSE"
            raise failure(error, self.url, question, self._access.seconds) from error
        # A row without a DN refers to another server.
        return [Entry(plain_dn(dn), attributes) for dn, attributes in rows if dn is not None], answered


def range_of(attributes: Attributes) -> tuple[list[bytes], int | None]:
    """The values of the ranged attribute in an answer, and the number of the last one, None if there are no more."""
    for key, values in attributes.items():
        if found := RANGED.fullmatch(key):
            return list(values), None if found["last"] == "*" else int(found["last"])
    return [], None
