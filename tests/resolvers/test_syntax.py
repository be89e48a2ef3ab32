"""Plain addresses and phone numbers: the patterns agree with the libraries."""

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resolvers.syntax import is_plain_address, plain_e164

LABEL = st.text("abcXYZ019-", max_size=8) | st.sampled_from(["xn--abc", "a--b", "ab--c", "-", "a-", "a" * 63, "a" * 64])
DOMAIN = st.lists(LABEL, max_size=4).map(".".join)
LOCAL = st.text("abcXYZ019._+-!@ \n", max_size=10) | st.sampled_from(["a" * 64, "a" * 65])


@settings(max_examples=500)
@given(LOCAL, DOMAIN)
@example("a", "b.example\n")
@example("a", ".".join(["a" * 60] * 5))
def test_plain_addresses_are_addresses(local: str, domain: str) -> None:
    """An address that matches the pattern is valid for the library."""
    text = f"{local}@{domain}"
    if is_plain_address(text):
        validate_email(text, check_deliverability=False, globally_deliverable=False)


def test_common_addresses_are_plain() -> None:
    """The pattern matches the addresses of most people."""
    for text in ("ana.garcia@acme.example", "a_b+c-d@sub-domain.acme.co.uk", "X9@a.de"):
        assert is_plain_address(text)
    for text in ("ana@acme", "a@b.c1", "a..b@c.de", "müller@acme.example", "a@xn--mller-kva.example"):
        assert not is_plain_address(text)


def expected(number: str) -> str | None:
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


CODES = st.sampled_from([str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE])
SEPARATORS = st.sampled_from(["", "", " ", "-", ".", "/", " (", ") "])


@settings(max_examples=500)
@given(CODES, st.lists(st.tuples(SEPARATORS, st.sampled_from("0123456789")), min_size=3, max_size=14))
def test_plain_numbers(code: str, pieces: list[tuple[str, str]]) -> None:
    """If the pattern returns the E.164 form of a number, it is the library's."""
    number = "+" + code + "".join(separator + digit for separator, digit in pieces)
    if (plain := plain_e164(number)) is not None:
        assert plain == expected(number)


def test_common_numbers_are_plain() -> None:
    """The pattern matches the numbers of most people."""
    assert plain_e164("+49 30 1234567") == "+49301234567"
    assert plain_e164("+1 (775) 555-0100") == "+17755550100"
    assert plain_e164("+31 612345678") == "+31612345678"
    assert plain_e164("030 1234567") is None


def test_what_the_library_refuses_is_not_plain() -> None:
    """Invalid addresses do not match the pattern."""
    for text in ("a@b.c\n", "@b.example", "a@-b.example", "a@b-.example", "a" * 65 + "@b.example"):
        try:
            validate_email(text, check_deliverability=False, globally_deliverable=False)
        except EmailNotValidError:
            assert not is_plain_address(text)
