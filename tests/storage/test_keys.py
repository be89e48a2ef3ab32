"""The keys for sorting, filtering and searching contacts."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.keys import address_key, fold, indexed, keys, search_terms, sort_key


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Ángel", "angel"),
        ("  Łódź  Ø ", "lodz o"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("王伟", "王伟"),
        (None, ""),
    ],
)
def test_fold(text: str | None, folded: str) -> None:
    """Case and accents are ignored; other scripts stay unchanged."""
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    """Folding is idempotent."""
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.text())
def test_sort_keys_sort_by_text_first(one: str, other: str) -> None:
    """A text sorts before a longer text that begins with it, whatever their IDs."""
    shorter, longer = fold(one), fold(one + "x" + other.replace("\0", ""))
    if longer.startswith(shorter) and shorter != longer:
        assert sort_key(one, "zzz") < longer + "\0"


@pytest.mark.parametrize(
    ("address", "key"),
    [("Ana@B.Example", "ana@b.example"), ("JÖRG@MÜNCHEN.example", "jörg@xn--mnchen-3ya.example")],
)
def test_address_key(address: str, key: str) -> None:
    """Addresses are compared ignoring case, with domains in ASCII."""
    assert address_key(address) == key


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("  ANÁ   smi ", ["ana", "smi"]),
        ("+44 (20) 7946-00", ["4420794600"]),
        ("0044 20 7946", ["44207946"]),
        ("O'Br", ["o'br"]),
        ("ana@B.exa", ["ana@b.exa"]),
        ("(acme)", ["acme"]),
        ("...", ["..."]),
        ("- ana", ["ana"]),
        ("a a A", ["a"]),
        ("10023@Partner.example", ["10023@partner.example"]),
        ("ana.12345@partner.example 020 7946-00", ["020794600", "ana.12345@partner.example"]),
        ("@partner.example", ["partner.example"]),
        ("020 7946 00, Leeds", ["020794600", "leeds"]),
    ],
)
def test_search_terms(text: str, terms: list[str]) -> None:
    """The terms of a search are its words without surrounding punctuation, and the digits of each phone number."""
    assert search_terms(text) == terms


@given(st.lists(st.text(min_size=1)), st.text(min_size=1, max_size=12))
def test_indexed_beginnings(words: list[str], term: str) -> None:
    """A contact that matches a term has the indexed prefix of that term."""
    contact = {"_id": "x", "displayName": " ".join([*words, term, f"{term}a", f"{term}1", f"{term}'b c"])}
    found = keys({**contact, "emailAddress": "josé.x@münchen-1.example", "updatedAt": datetime.now(UTC)})
    for word in found["words"]:
        for length in range(1, len(word) + 1):
            (beginning, *_) = search_terms(word[:length]) or [""]
            if word.startswith(beginning) and (lead := indexed(beginning or "1")):
                assert lead in found["prefixes"]


@pytest.mark.parametrize(
    ("phone", "e164", "typed"),
    [
        ("+1 425 555 7731", "+14255557731", "(425) 555-7731"),
        ("030 5550177", "+49305550177", "+49 30 555"),
        ("+49 30 5550177", "+49305550177", "030 555 01"),
        ("+44 20 7946 0000", "+442079460000", "020 7946"),
        ("+351 21 123 4567", "+351211234567", "21 123"),
    ],
)
def test_phone_numbers_are_found_as_dialed(phone: str, e164: str, typed: str) -> None:
    """A phone number is found with or without its country code, however it was written."""
    contact = {"_id": "x", "displayName": "Ana", "emailAddress": "a@b.example", "updatedAt": datetime.now(UTC)}
    words = keys({**contact, "businessPhone": phone, "businessPhoneE164": e164})["words"]
    (term,) = search_terms(typed)
    assert any(word.startswith(term) for word in words)


@given(st.text())
def test_wild_searches_have_terms(text: str) -> None:
    """No text breaks a search, and terms are never empty."""
    assert all(search_terms(text))
