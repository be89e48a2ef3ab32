"""Reads single values of an entry from bytes: text, numbers, times and email addresses."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from connector.entry import Attributes
from storage.keys import address_key

NUMBER = re.compile(r"[0-9]{1,18}")
TIME = re.compile(r"([0-9]{8})([0-9]{6})(?:\.0+)?Z")


class Unreadable(Exception):
    """A value does not have the syntax of this attribute in Active Directory."""

    def __init__(self, attribute: str, expected: str) -> None:
        super().__init__(f"The attribute {attribute} is not {expected}. Correct it.")


class Addresses(NamedTuple):
    """`primary` is None if the object has no address."""

    primary: str | None
    aliases: list[str]


def texts(attributes: Attributes, name: str) -> list[str]:
    """All values that aren't blank, trimmed. Raises Unreadable."""
    try:
        found = [value.decode().strip() for value in attributes.get(name, ())]
    except UnicodeDecodeError as error:
        raise Unreadable(name, "UTF-8 text") from error
    return [text for text in found if text]


def text(attributes: Attributes, name: str) -> str | None:
    """The first value that isn't blank, trimmed, None if there is none. Raises Unreadable."""
    try:
        for value in attributes.get(name, ()):
            if found := value.decode().strip():
                return found
    except UnicodeDecodeError as error:
        raise Unreadable(name, "UTF-8 text") from error
    return None


def truth(attributes: Attributes, name: str) -> bool:
    """An LDAP Boolean. False if it is absent."""
    return (text(attributes, name) or "").upper() == "TRUE"


def number(attributes: Attributes, name: str) -> int:
    """A number of at most 18 digits that isn't negative, such as a USN. Raises Unreadable."""
    found = text(attributes, name) or ""
    if not NUMBER.fullmatch(found):
        raise Unreadable(name, "a number")
    return int(found)


def moment(attributes: Attributes, name: str) -> datetime:
    """A GeneralizedTime such as 20260712103011.0Z, in UTC and whole seconds. Raises Unreadable."""
    found = TIME.fullmatch(text(attributes, name) or "")
    if found is None:
        raise Unreadable(name, "a time")
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00")
    except ValueError as error:
        raise Unreadable(name, "a time") from error


def addresses(attributes: Attributes) -> Addresses:
    """The email addresses of a contact or group, as stored by Exchange.

    The primary address is the SMTP: value of proxyAddresses, or else mail, or else targetAddress. smtp: values are
    aliases. Other types (X500:, sip:, …) are ignored. A directory returns values in any order. So that the result is
    always the same, mail and then the alphabet decide among several SMTP: values, and aliases are sorted.
    """
    mail, proxies = text(attributes, "mail"), texts(attributes, "proxyAddresses")
    wanted = address_key(mail or "")
    primaries = sorted(
        with_prefix(proxies, "SMTP:"), key=lambda each: (address_key(each) != wanted, address_key(each), each)
    )
    others = [address for value in proxies for address in with_prefix([value[:5].lower() + value[5:]], "smtp:")]
    target = text(attributes, "targetAddress") or ""
    candidates = [*primaries, mail, target[5:].strip() if target[:5].lower() == "smtp:" else None]
    primary = next((address for address in candidates if address), None)
    unlike = {address_key(other): other for other in sorted(others, reverse=True)}
    unlike.pop(address_key(primary or ""), None)
    return Addresses(primary, [unlike[compared] for compared in sorted(unlike)])


def with_prefix(values: list[str], prefix: str) -> Iterator[str]:
    for value in values:
        if value.startswith(prefix) and (address := value.removeprefix(prefix).strip()):
            yield address
