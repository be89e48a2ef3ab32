"""Turns python-ldap's errors into ours, with a message for administrators."""

import re

from connector.errors import CredentialsRejected, DirectoryError, SearchRefused, TimedOut, Unreachable

# Active Directory gives the reason for rejecting a sign-in as a Windows error number in a technical text.
SIGN_IN_REFUSALS = {
    "525": "the account does not exist",
    "52e": "the account or its password is wrong",
    "530": "the account is not allowed to sign in at this time",
    "531": "the account is not allowed to sign in from this computer",
    "532": "the password has expired",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "the password must be changed first",
    "775": "the account is locked",
}
SEARCH_REFUSALS = {
    "NO_SUCH_OBJECT": "The object does not exist, or the account may not see it. Check CONTACTS_AD_BASE_DNS.",
    "INVALID_DN_SYNTAX": "This is not a distinguished name. Check CONTACTS_AD_BASE_DNS.",
    "REFERRAL": "The object belongs to another domain. Add a controller of that domain to CONTACTS_AD_URLS.",
    "FILTER_ERROR": "The filter is invalid. Check CONTACTS_AD_FILTER.",
    "INSUFFICIENT_ACCESS": "The account in CONTACTS_AD_BIND_DN has no permission to read this. Grant it.",
    "SIZELIMIT_EXCEEDED": "The server's size limit was exceeded. Lower CONTACTS_AD_PAGE_SIZE.",
    "ADMINLIMIT_EXCEEDED": "The server's size limit was exceeded. Lower CONTACTS_AD_PAGE_SIZE.",
    "UNAVAILABLE_CRITICAL_EXTENSION": (
        "The server does not support paged results. Check that CONTACTS_AD_URLS names domain controllers."
    ),
}
CONNECTION_LOST = frozenset({"SERVER_DOWN", "CONNECT_ERROR", "UNAVAILABLE", "BUSY", "NOT_CONNECTED"})
ETIMEDOUT = 110


def timed_out(server: str, seconds: float) -> TimedOut:
    return TimedOut(
        f"{server} did not answer within {seconds:g} seconds. Check that it is a healthy domain controller and that no "
        "firewall blocks the connection, or increase CONTACTS_AD_TIMEOUT_SECONDS."
    )


def sign_in_failure(error: Exception, server: str, account: str, seconds: float) -> DirectoryError:
    """The error for an LDAPError of a bind. `server` is its URL."""
    if type(error).__name__ not in {"INVALID_CREDENTIALS", "INAPPROPRIATE_AUTH", "INVALID_DN_SYNTAX"}:
        return failure(error, server, "the sign-in", seconds)
    number = re.search(r"\bdata ([0-9a-f]{3,4})\b", details(error).get("info", ""))
    reason = SIGN_IN_REFUSALS.get(number[1] if number else "", "the account or its password is wrong")
    return CredentialsRejected(
        f"{server} rejected {account}: {reason}. Correct CONTACTS_AD_BIND_DN, the password or the account."
    )


def failure(error: Exception, server: str, question: str, seconds: float = 0) -> DirectoryError:
    """The error for an LDAPError. `question` is what was requested, for the message."""
    name, found = type(error).__name__, details(error)
    if name == "TIMELIMIT_EXCEEDED":
        return TimedOut(
            f"{server} stopped {question} at its own time limit. Lower CONTACTS_AD_PAGE_SIZE, or increase "
            "MaxQueryDuration in the LDAP policy of the domain controllers."
        )
    if name == "TIMEOUT" or found.get("errno") == str(ETIMEDOUT):
        return timed_out(server, seconds)
    if name in CONNECTION_LOST:
        return Unreachable(f"The connection to {server} was lost during {question}: {described(found)}.")
    reason = SEARCH_REFUSALS.get(name) or f"The reason is: {described(found)}."
    return SearchRefused(f"{server} refused {question}. {reason}")


def described(found: dict[str, str]) -> str:
    return " — ".join(found[key] for key in ("desc", "info") if found.get(key)) or "no reason given"


def details(error: Exception) -> dict[str, str]:
    """The fields of an LDAPError as text: desc, info, errno, …"""
    found = error.args[0] if error.args and isinstance(error.args[0], dict) else {"desc": str(error)}
    return {str(key): str(value) for key, value in found.items()}
