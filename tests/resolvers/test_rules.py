"""The rules of a contact's and a group's fields, without a database."""

import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers import rules
from resolvers.errors import InvalidInput, ManagerCycle
from tests.support.people import person


def refused(fields: Mapping[str, object]) -> dict[str, str]:
    """The codes of the invalid fields of a new contact."""
    with pytest.raises(InvalidInput) as caught:
        rules.new_contact(fields)
    return {problem.field: problem.code for problem in caught.value.fields}


def test_values_are_trimmed_and_blank_ones_left_out() -> None:
    """Values are trimmed, and blank values count as missing."""
    contact = rules.new_contact(person(company="  Acme  ", department="  ", notes=None))
    assert contact["company"] == "Acme"
    assert contact.keys().isdisjoint({"department", "notes"})


def test_required_fields_are_named_together() -> None:
    """All missing fields are reported at once."""
    assert refused({"lastName": " "}) == dict.fromkeys(rules.REQUIRED, "REQUIRED")


@pytest.mark.parametrize(
    ("field", "limit"), [*rules.LENGTHS.items(), *((f"address.{k}", v) for k, v in rules.ADDRESS_LENGTHS.items())]
)
def test_greatest_lengths(field: str, limit: int) -> None:
    """A value can be as long as its limit, but not longer."""
    name, _, part = field.partition(".")

    def of_length(length: int) -> dict[str, object]:
        text = "1" * length
        return {**person(), name: {part: text} if part else text}

    rules.new_contact(of_length(limit))
    assert refused(of_length(limit + 1)) == {field: "TOO_LONG"}


@pytest.mark.parametrize("address", ["", "ana", "ana@", "@b.example", "a b@c.example", "a@b@c.example", "a@.example"])
def test_bad_addresses_are_refused(address: str) -> None:
    """Addresses that RFC 5321 and RFC 6531 do not allow are invalid."""
    assert refused(person(emailAddress=address)).keys() == {"emailAddress"}


@pytest.mark.parametrize("address", ["Ana@B.Example", "jörg@münchen.example", "用户@例子.example", "a+b@corp.local"])
def test_good_addresses_are_kept_as_given(address: str) -> None:
    """Addresses are stored as entered, in any script."""
    assert rules.new_contact(person(emailAddress=address))["emailAddress"] == address


def test_aliases_that_repeat_an_address_are_dropped() -> None:
    """An address is listed only once, ignoring case."""
    contact = rules.new_contact(
        person(emailAddress="a@b.example", aliases=["A@B.example", "c@b.example", "C@b.Example"])
    )
    assert contact["aliases"] == ["c@b.example"]


def test_bad_alias_is_named_by_its_place() -> None:
    """The problem says which alias is invalid."""
    assert refused(person(aliases=["a@b.example", "nope"])) == {"aliases[1]": "SYNTAX"}


@pytest.mark.parametrize("value", [5, True, [], {}])
def test_wrong_types_are_refused(value: object) -> None:
    """Values of a wrong JSON type are refused, not converted."""
    assert refused(person(company=value)) == {"company": "WRONG_TYPE"}


def test_unknown_fields_are_refused() -> None:
    """A misspelled field is reported, not ignored."""
    assert refused(person(compny="x", address={"town": "x"})) == {
        "compny": "UNKNOWN_FIELD",
        "address.town": "UNKNOWN_FIELD",
    }


@pytest.mark.parametrize("text", ["a\0b", "a\x1bb", "a\nb", "a\ud800b"])
def test_control_characters_are_refused(text: str) -> None:
    """Control characters are refused in single-line texts."""
    assert refused(person(company=text)) == {"company": "SYNTAX"}


def test_notes_may_have_lines() -> None:
    """Notes can have several lines."""
    assert rules.new_contact(person(notes="a\r\n\tb"))["notes"] == "a\r\n\tb"


@pytest.mark.parametrize(
    ("number", "country", "form"),
    [
        ("+44 20 7946 0000", None, "+442079460000"),
        ("020 7946 0000", "GB", "+442079460000"),
        ("(415) 555-0100", "us", "+14155550100"),
        ("020 7946 0000", None, None),
        ("020 7946 0000", "United Kingdom", None),
        ("ext. 12", "GB", None),
    ],
)
def test_phone_numbers(number: str, country: str | None, form: str | None) -> None:
    """A phone number is stored as entered, and in E.164 form if its country is known."""
    contact = rules.new_contact(person(businessPhone=number, address={"country": country}))
    assert contact["businessPhone"] == number
    assert contact.get("businessPhoneE164") == form


def test_e164_form_follows_the_country() -> None:
    """If the country is added later, the number gets its E.164 form."""
    before = rules.new_contact(person(mobilePhone="07700 900123"))
    assert "mobilePhoneE164" not in before
    after = rules.changed_contact(before, {"address": {"country": "GB"}})
    assert after["mobilePhoneE164"] == "+447700900123"


def test_absent_is_not_null() -> None:
    """In an update, an absent field keeps its value and null clears it; the same applies to parts of an address."""
    before = rules.new_contact(person(company="Acme", address={"city": "Leeds", "street": "1 High St"}))
    assert rules.changed_contact(before, {}) == before
    assert "company" not in rules.changed_contact(before, {"company": None})
    assert rules.changed_contact(before, {"address": {"street": None}})["address"] == {"city": "Leeds"}
    assert "address" not in rules.changed_contact(before, {"address": None})


def test_required_field_cannot_be_cleared() -> None:
    """Required fields cannot be cleared."""
    with pytest.raises(InvalidInput):
        rules.changed_contact(rules.new_contact(person()), {"emailAddress": None})


def test_synced_contact_may_lack_names() -> None:
    """Active Directory has contacts without first and last names, which stay so when changed."""
    fields = {"displayName": "Helpdesk", "emailAddress": "help@desk.example"}
    contact = rules.new_contact(fields, required=("displayName", "emailAddress"))
    assert rules.changed_contact(contact, {"notes": "x"})["notes"] == "x"


@pytest.mark.parametrize(
    ("above", "chain"),
    [
        ({"a": "b", "b": None}, None),
        ({"a": "a"}, ["a", "a"]),
        ({"a": "b", "b": "c", "c": "b"}, ["b", "c", "b"]),
        ({}, None),
    ],
)
def test_manager_cycles_are_found(above: dict[str, str | None], chain: list[str] | None) -> None:
    """A chain of managers that returns to one of them is a cycle."""
    assert rules.manager_cycle(above, ["a"]) == chain


@pytest.mark.usefixtures("untraced")
def test_long_chains_of_managers_are_followed_once() -> None:
    """A chain of a thousand managers is checked in no time."""
    above = {str(number): str(number - 1) if number else None for number in range(1_000)}
    began = time.process_time()
    assert rules.manager_cycle(above, list(above)) is None
    assert time.process_time() - began < 1


def test_long_cycles_are_named_in_short() -> None:
    """The message for a long cycle contains both ends of the chain."""
    chain = [{"displayName": f"P{number}"} for number in [*range(100), 0]]
    assert "P0 → P1 → P2 → P3 → … → P98 → P99 → P0. " in ManagerCycle(chain).message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(sorted(rules.FIELDS)), JSON))
def test_wild_input_is_kept_or_refused(fields: dict[str, object]) -> None:
    """Whatever JSON a client sends, it becomes a contact or is refused with the names of fields."""
    refusal: InvalidInput | None = None
    contact: Mapping[str, object] = {}
    try:
        contact = rules.new_contact({**person(), **fields})
    except InvalidInput as caught:
        refusal = caught
    assert contact.keys() <= rules.FIELDS | {"gal", "businessPhoneE164", "mobilePhoneE164"}
    assert contact or (refusal and all(each.message for each in refusal.fields))
