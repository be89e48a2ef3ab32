from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.entry import Attributes, Entry
from connector.mapping import CONTACT_ATTRIBUTES, GROUP_ATTRIBUTES, read_contact, read_group
from resolvers.rules import FIELDS
from resolvers.sync.source import DirectoryContact, DirectoryGroup, Reason, Reference, UnsuitableObject

GUID = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
OTHER = "0fae4c1b-2d54-4a9b-9d6c-5b8f0a1c2d3e"
DN = r"CN=Berg\, Ann,OU=Contacts,DC=corp,DC=example,DC=test"
REQUIRED = {
    "objectGUID": [UUID(GUID).bytes_le],
    "cn": [b"Berg, Ann"],
    "mail": [b"ann@example.test"],
    "whenChanged": [b"20260712103011.0Z"],
    "uSNChanged": [b"4711"],
}


Values = dict[str, str | list[str] | None]


def contact(dn: str = DN, **attributes: str | list[str] | None) -> DirectoryContact:
    found = read(dn, **attributes)
    assert isinstance(found, DirectoryContact), found
    return found


def skipped(dn: str = DN, **attributes: str | list[str] | None) -> UnsuitableObject:
    found = read(dn, **attributes)
    assert isinstance(found, UnsuitableObject), found
    return found


def read(dn: str, **attributes: str | list[str] | None) -> DirectoryContact | UnsuitableObject:
    return read_contact(Entry(dn, changed(attributes)))


def changed(attributes: Values) -> Attributes:
    values = dict(REQUIRED)
    for name, value in attributes.items():
        if value is None:
            values.pop(name)
        else:
            values[name] = [text.encode() for text in ([value] if isinstance(value, str) else value)]
    return values


def test_identity() -> None:
    """objectGUID, DN, domain, time and USN of the object are kept unchanged."""
    found = contact()
    assert (found.object_guid, found.distinguished_name, found.domain) == (GUID, DN, "corp.example.test")
    assert (found.when_changed, found.usn_changed) == (datetime(2026, 7, 12, 10, 30, 11, tzinfo=UTC), 4711)


def test_every_attribute() -> None:
    """Each attribute is mapped to its field."""
    found = contact(
        displayName="Ann Berg",
        givenName="Ann",
        sn="Berg",
        company="Contoso",
        department="Sales",
        title="Director",
        telephoneNumber="+47 22 12 34 56",
        mobile="+47 912 34 567",
        streetAddress="Storgata 1\r\n2nd floor",
        l="Oslo",
        st="Oslo fylke",
        co="Norway",
        c="NO",
        postalCode="0155",
        info="Met at the fair",
        proxyAddresses=["smtp:a.berg@example.test", "SMTP:ann@example.test"],
        msExchHideFromAddressLists="TRUE",
    )
    assert found.fields == {
        "displayName": "Ann Berg",
        "firstName": "Ann",
        "lastName": "Berg",
        "emailAddress": "ann@example.test",
        "aliases": ["a.berg@example.test"],
        "company": "Contoso",
        "department": "Sales",
        "jobTitle": "Director",
        "businessPhone": "+47 22 12 34 56",
        "mobilePhone": "+47 912 34 567",
        "address": {
            "street": "Storgata 1\r\n2nd floor",
            "city": "Oslo",
            "state": "Oslo fylke",
            "country": "Norway",
            "postalCode": "0155",
        },
        "notes": "Met at the fair",
        "showInGal": False,
    }


def test_absent_attributes_are_none() -> None:
    """An object with few attributes is still mapped to the complete state: missing fields are None, to clear them."""
    fields = contact().fields
    assert set(fields) == FIELDS - {"managerId"}
    present = {name: value for name, value in fields.items() if value is not None}
    assert present == {
        "displayName": "Berg, Ann",
        "emailAddress": "ann@example.test",
        "aliases": [],
        "showInGal": True,
    }


def test_blank_values_are_absent() -> None:
    """Blank values count as missing, and others are trimmed."""
    fields = contact(displayName="  ", company=" ", title=" Director ", co=" ").fields
    assert (fields["displayName"], fields["company"], fields["jobTitle"]) == ("Berg, Ann", None, "Director")
    assert fields["address"] is None


def test_country_falls_back_to_its_code() -> None:
    """c is used if co is absent."""
    address = contact(c="NO").fields["address"]
    assert address is not None
    assert address["country"] == "NO"


@pytest.mark.parametrize(
    ("attributes", "primary", "aliases"),
    [
        ({"mail": "m@x.test", "proxyAddresses": ["SMTP:p@x.test"]}, "p@x.test", []),
        ({"mail": "m@x.test", "proxyAddresses": ["smtp:a@x.test"]}, "m@x.test", ["a@x.test"]),
        (
            {"mail": None, "proxyAddresses": ["smtp:a@x.test"], "targetAddress": "SMTP:t@x.test"},
            "t@x.test",
            ["a@x.test"],
        ),
        ({"mail": None, "targetAddress": "smtp:t@x.test"}, "t@x.test", []),
        ({"mail": "m@x.test", "targetAddress": "SMTP:t@x.test"}, "m@x.test", []),
        (
            {"proxyAddresses": ["X500:/o=x/cn=y", "sip:s@x.test", "SIP:s@x.test", "eum:1", "q@x.test"]},
            "ann@example.test",
            [],
        ),
        ({"proxyAddresses": ["SMTP:Ann@Example.Test", "smtp:ANN@example.test"]}, "Ann@Example.Test", []),
        (
            {"proxyAddresses": ["Smtp:b@x.test", "sMTP:a@x.test", "smtp:A@x.test"]},
            "ann@example.test",
            ["A@x.test", "b@x.test"],
        ),
        ({"mail": "b@x.test", "proxyAddresses": ["SMTP:a@x.test", "SMTP:b@x.test"]}, "b@x.test", ["a@x.test"]),
        ({"mail": None, "proxyAddresses": ["SMTP:b@x.test", "SMTP:a@x.test"]}, "a@x.test", ["b@x.test"]),
        ({"proxyAddresses": ["SMTP: ", "smtp:"]}, "ann@example.test", []),
        ({"proxyAddresses": ["SMTP:ann@münchen.test", "smtp:ann@xn--mnchen-3ya.test"]}, "ann@münchen.test", []),
    ],
)
def test_addresses(attributes: Values, primary: str, aliases: list[str]) -> None:
    """The primary address is SMTP:, or mail, or targetAddress; smtp: are aliases; other types are ignored."""
    fields = contact(DN, **attributes).fields
    assert (fields["emailAddress"], fields["aliases"]) == (primary, aliases)


@given(st.permutations(["SMTP:b@x.test", "SMTP:B@x.test", "smtp:c@x.test", "smtp:C@x.test", "smtp:a@x.test"]))
def test_order_of_values_does_not_matter(values: list[str]) -> None:
    """A directory returns values in any order; the contact is the same, so nothing is written for it."""
    assert contact(mail=None, proxyAddresses=values) == contact(mail=None, proxyAddresses=sorted(values))


def test_manager() -> None:
    """The manager is referenced by objectGUID, which a rename doesn't change."""
    manager = f"<GUID={OTHER}>;<SID=S-1-5-21-1>;CN=Boss;x,DC=corp"
    assert contact(manager=manager).manager_guid == OTHER
    assert contact().manager_guid is None


@pytest.mark.parametrize(
    ("dn", "attributes", "reason"),
    [
        (DN, {"mail": None}, Reason.NO_ADDRESS),
        (DN, {"mail": " ", "targetAddress": "X400:c=NO"}, Reason.NO_ADDRESS),
        (r"CN=Ann\0ACNF:6f9619ff-8b86-d011-b42d-00c04fc964ff,DC=corp", {}, Reason.CONFLICT_OBJECT),
        (r"CN=A\,nn\0acnf:6f9619ff-8b86-d011-b42d-00c04fc964ff,DC=corp", {}, Reason.CONFLICT_OBJECT),
        (DN, {"isCriticalSystemObject": "TRUE"}, Reason.CRITICAL_SYSTEM_OBJECT),
        (DN, {"mailNickname": "CAS_{4c1b}"}, Reason.SYSTEM_MAILBOX),
        (DN, {"cn": "CAS_{4c1b}"}, Reason.SYSTEM_MAILBOX),
        (DN, {"cn": None}, Reason.NO_NAME),
        (DN, {"uSNChanged": "1e5"}, Reason.UNREADABLE_VALUE),
        (DN, {"uSNChanged": None}, Reason.UNREADABLE_VALUE),
        (DN, {"whenChanged": "20261312103011.0Z"}, Reason.UNREADABLE_VALUE),
        (DN, {"whenChanged": "yesterday"}, Reason.UNREADABLE_VALUE),
    ],
)
def test_skipped(dn: str, attributes: Values, reason: Reason) -> None:
    """Objects that Entra Connect skips are skipped here, too, with a reason."""
    found = skipped(dn, **attributes)
    assert (found.object_guid, found.distinguished_name, found.reason) == (GUID, dn, reason)
    assert found.message.endswith(".")


def test_not_critical() -> None:
    """An object whose system flag is FALSE is not skipped."""
    assert contact(isCriticalSystemObject="FALSE").object_guid == GUID


def test_not_utf8() -> None:
    """An object with a value that isn't text is skipped, and the message names the attribute."""
    found = read_contact(Entry(DN, {**REQUIRED, "company": [b"\xff\xfe"]}))
    assert isinstance(found, UnsuitableObject)
    assert (found.reason, found.message) == (
        Reason.UNREADABLE_VALUE,
        "The attribute company is not UTF-8 text. Correct it.",
    )


@pytest.mark.parametrize("values", [None, [], [b""], [b"short"]])
def test_no_anchor(values: list[bytes] | None) -> None:
    """An object without a readable objectGUID cannot be identified, so it is skipped."""
    attributes = {name: value for name, value in REQUIRED.items() if name != "objectGUID"}
    if values is not None:
        attributes["objectGUID"] = values
    found = read_contact(Entry(DN, attributes))
    assert isinstance(found, UnsuitableObject)
    assert (found.object_guid, found.reason) == (None, Reason.NO_ANCHOR)


def test_group() -> None:
    """A distribution group has a name, an address, a description and the objectGUIDs of its members, sorted."""
    members = [f"<GUID={GUID}>;CN=Ann,DC=corp", f"<GUID={OTHER}>;CN=Bo,DC=corp"]
    attributes = changed({"displayName": "Partners", "description": "External ones", "member": members})
    found = read_group(Entry("CN=Partners,DC=corp", attributes))
    assert isinstance(found, DirectoryGroup)
    assert found.fields == {
        "displayName": "Partners",
        "emailAddress": "ann@example.test",
        "description": "External ones",
    }
    assert found.members == (Reference(OTHER, "CN=Bo,DC=corp"), Reference(GUID, "CN=Ann,DC=corp"))


def test_group_without_address() -> None:
    """A group without an email address is skipped."""
    found = read_group(Entry("CN=Partners,DC=corp", changed({"mail": None})))
    assert isinstance(found, UnsuitableObject)
    assert found.reason == Reason.NO_ADDRESS


VALUES = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(str.encode),
    st.sampled_from([b"SMTP:a@x.test", b"smtp:", b"TRUE", b"CAS_{", b"<GUID=>;", b"20260712103011.0Z", b"1", b"\x00"]),
)


def wild(names: tuple[str, ...]) -> st.SearchStrategy[Entry]:
    attributes = st.dictionaries(st.sampled_from([*names, "member"]), st.lists(VALUES, max_size=3))
    kept = st.sets(st.sampled_from(sorted(REQUIRED)))
    merged = st.builds(lambda some, keep: some | {name: REQUIRED[name] for name in keep}, attributes, kept)
    return st.builds(Entry, st.text(max_size=40), merged)


@given(wild(CONTACT_ATTRIBUTES))
def test_no_content_raises(entry: Entry) -> None:
    """Whatever its values, an object is mapped to a contact or a reason, and always to the same one."""
    found = read_contact(entry)
    assert isinstance(found, DirectoryContact | UnsuitableObject)
    assert found == read_contact(entry)
    if isinstance(found, DirectoryContact):
        assert found.fields["displayName"].strip()
        assert found.fields["emailAddress"].strip()
        assert str(UUID(found.object_guid)) == found.object_guid


@given(wild(GROUP_ATTRIBUTES))
def test_no_group_raises(entry: Entry) -> None:
    """The same applies to groups."""
    assert isinstance(read_group(entry), DirectoryGroup | UnsuitableObject)
