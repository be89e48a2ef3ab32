"""Maps an object of Active Directory to a contact or group, or to the reason why it isn't synced.

Pure functions. They exclude only what Entra Connect excludes, too: conflict objects, critical system objects, and
objects without an address. Whether values are valid is checked when they are written.
"""

from connector.entry import Attributes, Entry, domain_of, first_rdn, guid_text, reference
from connector.values import Unreadable, addresses, moment, number, text, truth
from resolvers.rules import Fields
from resolvers.sync.source import DirectoryContact, DirectoryGroup, Reason, Reference, Suitability, UnsuitableObject
from storage.fields import ADDRESS_PARTS, FIELDS, TEXTS

CONTACT_ATTRIBUTES = (
    "objectGUID",
    "cn",
    "displayName",
    "mail",
    "proxyAddresses",
    "targetAddress",
    "mailNickname",
    *(field.attribute for field in FIELDS if field.attribute),
    "co",
    "c",
    "manager",
    "msExchHideFromAddressLists",
    "isCriticalSystemObject",
    "whenChanged",
    "uSNChanged",
)
# `member` is read separately, in ranges.
GROUP_ATTRIBUTES = (
    "objectGUID",
    "cn",
    "displayName",
    "mail",
    "proxyAddresses",
    "mailNickname",
    "description",
    "isCriticalSystemObject",
    "whenChanged",
    "uSNChanged",
)


# The attributes that determine whether a contact or group is synced.
SUITABILITY_ATTRIBUTES = (
    "objectGUID",
    "cn",
    "mail",
    "proxyAddresses",
    "targetAddress",
    "mailNickname",
    "isCriticalSystemObject",
)


class _Skip(Exception):
    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def read_contact(entry: Entry) -> DirectoryContact | UnsuitableObject:
    """The contact in an entry with CONTACT_ATTRIBUTES. Never raises, whatever the values."""
    try:
        attributes = entry.attributes
        refuse_system_objects(entry)
        return DirectoryContact(
            object_guid=object_guid(entry),
            distinguished_name=entry.dn,
            domain=domain_of(entry.dn),
            fields=contact_fields(attributes),
            manager_guid=next((found.object_guid for found in references(attributes, "manager")), None),
            when_changed=moment(attributes, "whenChanged"),
            usn_changed=number(attributes, "uSNChanged"),
        )
    except (_Skip, Unreadable) as error:
        return skipped(entry, error)


def read_group(entry: Entry) -> DirectoryGroup | UnsuitableObject:
    """The group in an entry with GROUP_ATTRIBUTES and all members. Never raises, whatever the values."""
    try:
        attributes = entry.attributes
        refuse_system_objects(entry)
        name, (address, _) = required_name(attributes), required_addresses(attributes)
        fields = {
            "displayName": name,
            "emailAddress": address,
            "description": text(attributes, "description"),
        }
        return DirectoryGroup(
            object_guid=object_guid(entry),
            distinguished_name=entry.dn,
            domain=domain_of(entry.dn),
            fields=fields,
            members=tuple(sorted(references(attributes, "member"))),
            when_changed=moment(attributes, "whenChanged"),
            usn_changed=number(attributes, "uSNChanged"),
        )
    except (_Skip, Unreadable) as error:
        return skipped(entry, error)


def read_suitability(entry: Entry) -> Suitability | None:
    """Whether an entry with SUITABILITY_ATTRIBUTES is synced. None if it has no objectGUID."""
    try:
        guid = object_guid(entry)
    except _Skip:
        return None
    try:
        refuse_system_objects(entry)
        required_addresses(entry.attributes)
    except _Skip:
        return Suitability(guid, suitable=False)
    except Unreadable:  # it is unknown, and reported when the object is read in full
        return Suitability(guid, suitable=True)
    return Suitability(guid, suitable=True)


def contact_fields(attributes: Attributes) -> Fields:
    """All fields that are managed in Active Directory, None if empty: the complete state of the contact."""
    address, aliases = required_addresses(attributes)
    return {
        **{field.name: text(attributes, field.attribute) for field in TEXTS if field.attribute},
        "displayName": required_name(attributes),
        "emailAddress": address,
        "aliases": aliases,
        "address": postal_address(attributes),
        "showInGal": not truth(attributes, "msExchHideFromAddressLists"),
    }


def postal_address(attributes: Attributes) -> Fields | None:
    """The postal address, None if it has no parts. The country is its name (co), or else its code (c)."""
    address = {field.part: text(attributes, field.attribute) for field in ADDRESS_PARTS if field.attribute}
    address["country"] = text(attributes, "co") or text(attributes, "c")
    return address if any(address.values()) else None


def refuse_system_objects(entry: Entry) -> None:
    # Two domain controllers created the same name. Active Directory keeps both objects and marks one in its DN.
    if "\\0ACNF:" in first_rdn(entry.dn).upper():
        raise _Skip(Reason.CONFLICT_OBJECT, "A replication conflict made this a duplicate. Delete or rename it.")
    if truth(entry.attributes, "isCriticalSystemObject"):
        raise _Skip(Reason.CRITICAL_SYSTEM_OBJECT, "This is a system object of Active Directory.")
    names = (text(entry.attributes, name) or "" for name in ("mailNickname", "cn"))
    if any(name.upper().startswith("CAS_{") for name in names):
        raise _Skip(Reason.SYSTEM_MAILBOX, "This is a system object of Exchange.")


def object_guid(entry: Entry) -> str:
    try:
        return guid_text(entry.attributes["objectGUID"][0])
    except (LookupError, ValueError) as error:
        message = "The account in CONTACTS_AD_BIND_DN has no permission to read objectGUID. Grant it."
        raise _Skip(Reason.NO_ANCHOR, message) from error


def required_name(attributes: Attributes) -> str:
    name = text(attributes, "displayName") or text(attributes, "cn")
    if name is None:
        raise _Skip(Reason.NO_NAME, "The object has neither a displayName nor a cn. Set displayName.")
    return name


def required_addresses(attributes: Attributes) -> tuple[str, list[str]]:
    primary, aliases = addresses(attributes)
    if primary is None:
        raise _Skip(Reason.NO_ADDRESS, "The object has no email address. Set mail or proxyAddresses.")
    return primary, aliases


def references(attributes: Attributes, name: str) -> list[Reference]:
    return [found for value in attributes.get(name, ()) if (found := reference(value)) is not None]


def skipped(entry: Entry, error: _Skip | Unreadable) -> UnsuitableObject:
    try:
        guid = object_guid(entry)
    except _Skip as unanchored:
        return UnsuitableObject(None, entry.dn, Reason.NO_ANCHOR, str(unanchored))
    return UnsuitableObject(
        guid, entry.dn, error.reason if isinstance(error, _Skip) else Reason.UNREADABLE_VALUE, str(error)
    )
