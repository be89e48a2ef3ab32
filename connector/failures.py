"""Turns python-ldap's errors into ours, with a sentence for the administrator."""

import re

from connector.errors import CredentialsRejected, DirectoryError, SearchRefused, TimedOut, Unreachable

# Active Directory says why it refused a sign-in as a Windows error number within a text for engineers.
SIGN_IN_REFUSALS = {
    "525": "no such account",
    "52e": "the account or its password is wrong",
    "530": "the account may not sign in at this hour",
    "531": "the account may not sign in from this machine",
    "532": "its password has expired",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "its password must be changed first",
    "775": "the account is locked",
}
SEARCH_REFUSALS = {
    "NO_SUCH_OBJECT": "there is no such object, or the account may not see it; check CONTACTS_AD_BASE_DNS",
    "INVALID_DN_SYNTAX": "this is not a distinguished name; check CONTACTS_AD_BASE_DNS",
    "REFERRAL": "another domain holds this; name one of its controllers in CONTACTS_AD_URLS",
    "FILTER_ERROR": "the filter is malformed; check CONTACTS_AD_FILTER",
    "INSUFFICIENT_ACCESS": "the account in CONTACTS_AD_BIND_DN may not read this; grant it the right",
    "SIZELIMIT_EXCEEDED": "the server cut its answer short; lower CONTACTS_AD_PAGE_SIZE",
    "ADMINLIMIT_EXCEEDED": "the server cut its answer short; lower CONTACTS_AD_PAGE_SIZE",
    "UNAVAILABLE_CRITICAL_EXTENSION": "the server does not know paged results; is it a domain controller?",
}
CONNECTION_LOST = frozenset({"SERVER_DOWN", "CONNECT_ERROR", "UNAVAILABLE", "BUSY", "NOT_CONNECTED"})
ETIMEDOUT = 110


def timed_out(server: str, seconds: float) -> TimedOut:
    return TimedOut(
        f"{server} did not answer within {seconds:g} seconds: check that it is a healthy domain controller and "
        "that no firewall swallows the traffic, or raise CONTACTS_AD_TIMEOUT_SECONDS."
    )


def sign_in_failure(error: Exception, server: str, account: str, seconds: float) -> DirectoryError:
    """What an LDAPError of a bind means; `server` is its URL."""
    if type(error).__name__ not in {"INVALID_CREDENTIALS", "INAPPROPRIATE_AUTH", "INVALID_DN_SYNTAX"}:
        return failure(error, server, "the sign-in", seconds)
    number = re.search(r"\bdata ([0-9a-f]{3,4})\b", details(error).get("info", ""))
    reason = SIGN_IN_REFUSALS.get(number[1] if number else "", "the account or its password is wrong")
    return CredentialsRejected(
        f"{server} refused {account}: {reason}. Correct CONTACTS_AD_BIND_DN, CONTACTS_AD_PASSWORD or the account."
    )


def failure(error: Exception, server: str, question: str, seconds: float = 0) -> DirectoryError:
    """What an LDAPError means; `question` names what was asked, for the message."""
    name, told = type(error).__name__, details(error)
    if name == "TIMELIMIT_EXCEEDED":
        return TimedOut(
            f"{server} gave up {question} at its own time limit: lower CONTACTS_AD_PAGE_SIZE, or raise "
            "MaxQueryDuration in the LDAP policy of the domain controllers."
        )
    if name == "TIMEOUT" or told.get("errno") == str(ETIMEDOUT):
        return timed_out(server, seconds)
    if name in CONNECTION_LOST:
        return Unreachable(f"The connection to {server} was lost during {question}: {described(told)}.")
    reason = SEARCH_REFUSALS.get(name, described(told))
    return SearchRefused(f"{server} refused {question}: {reason}.")


def described(told: dict[str, str]) -> str:
    return " — ".join(told[key] for key in ("desc", "info") if told.get(key)) or "no reason given"


def details(error: Exception) -> dict[str, str]:
    """The fields of an LDAPError as text: desc, info, errno, …"""
    told = error.args[0] if error.args and isinstance(error.args[0], dict) else {"desc": str(error)}
    return {str(key): str(value) for key, value in told.items()}
