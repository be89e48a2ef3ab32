"""Patterns for plain addresses and phone numbers, a hundred times faster than the libraries and with the same result.

Anything that isn't plain is left to the libraries. A test compares the results.
"""

import re
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata

_ADDRESS = re.compile(
    r"(?=.{3,254}$)(?=[^@]{1,64}@)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@"
    r"(?:(?!..--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_NUMBER = re.compile(r"\+[0-9](?:[ .()/-]{0,2}[0-9]){6,18}")
_PUNCTUATION = str.maketrans("", "", "+ .()/-")


def is_plain_address(text: str) -> bool:
    """Whether the text is certainly a valid email address. False if the library must decide."""
    return _ADDRESS.fullmatch(text) is not None


def plain_e164(number: str) -> str | None:
    """The E.164 form of a plain international number. None if the library must decide."""
    if not _NUMBER.fullmatch(number):
        return None
    digits = number.translate(_PUNCTUATION)
    for length in (1, 2, 3):
        if (known := _country(digits[:length])) is not None:
            prefix, lengths = known
            national = digits[length:]
            if len(national) not in lengths or (prefix and prefix.match(national)):
                return None
            return f"+{digits}"
    return None


@cache
def _country(code: str) -> tuple[re.Pattern[str] | None, frozenset[int]] | None:
    """The trunk prefix of national numbers with this calling code, and their possible lengths."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code))
    if code.startswith("0") or not regions:
        return None
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(code), regions[0])
    if metadata is None or metadata.general_desc is None:
        return None
    prefix = metadata.national_prefix_for_parsing
    return re.compile(prefix) if prefix else None, frozenset(metadata.general_desc.possible_length)
