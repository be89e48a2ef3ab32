"""The keys that contacts sort, filter and are found by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.keys import address_key, fold, search_terms, sort_key


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
    """Case and accents do not count, other scripts stay themselves."""
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    """What is folded is folded."""
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.text())
def test_sort_keys_sort_by_text_first(one: str, other: str) -> None:
    """A text sorts before its continuation, whatever ids follow."""
    shorter, longer = fold(one), fold(one + "x" + other.replace("\0", ""))
    if longer.startswith(shorter) and shorter != longer:
        assert sort_key(one, "zzz") < longer + "\0"


@pytest.mark.parametrize(
    ("address", "key"),
    [("Ana@B.Example", "ana@b.example"), ("JÖRG@MÜNCHEN.example", "jörg@xn--mnchen-3ya.example")],
)
def test_address_key(address: str, key: str) -> None:
    """Addresses are compared without case, their domains in ASCII."""
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
        ("...", []),
        ("a a A", ["a"]),
        ("10023@Partner.example", ["10023@partner.example"]),
        ("ana.12345@partner.example 020 7946-00", ["020794600", "ana.12345@partner.example"]),
        ("@partner.example", ["partner.example"]),
        ("020 7946 00, Leeds", ["020794600", "leeds"]),
    ],
)
def test_search_terms(text: str, terms: list[str]) -> None:
    """A search is its words, punctuation around them aside, and digits of phone numbers in one."""
    assert search_terms(text) == terms


@given(st.text())
def test_wild_searches_have_terms(text: str) -> None:
    """No text breaks a search, and no term is empty."""
    assert all(search_terms(text))
