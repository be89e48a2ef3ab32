"""Addresses and phone numbers so plain that a pattern tells what the libraries would, a hundred times as fast.

Whatever is not plain is theirs to judge. A test holds the two against each other.
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
    """Whether the text is an e-mail address of letters, digits and dots: certainly one, where this says so."""
    return _ADDRESS.fullmatch(text) is not None


def plain_e164(number: str) -> str | None:
    """The E.164 form of an international number, None where that takes the library to tell."""
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
    """What national numbers with this calling code may begin with, to be left out, and how long they may be."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code))
    if code.startswith("0") or not regions:
        return None
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(code), regions[0])
    if metadata is None or metadata.general_desc is None:
        return None
    prefix = metadata.national_prefix_for_parsing
    return re.compile(prefix) if prefix else None, frozenset(metadata.general_desc.possible_length)
