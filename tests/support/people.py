"""Contacts to test with."""

from resolvers.caller import Caller
from resolvers.sync.contacts import DirectoryContact, apply
from storage import contacts
from storage.documents import Document, new_id


def person(name: str = "Ana Silva", **fields: object) -> dict[str, object]:
    """The fields of a contact with this name and an address derived from it."""
    first, _, last = name.partition(" ")
    address = f"{name.lower().replace(' ', '.')}@partner.example"
    return {"displayName": name, "firstName": first, "lastName": last or "Smith", "emailAddress": address, **fields}


def directory_contact(
    name: str = "Ivo Horvat", guid: str | None = None, manager_guid: str | None = None, **fields: object
) -> DirectoryContact:
    """A contact with this name, as read from Active Directory."""
    return DirectoryContact(
        guid or new_id(),
        f"CN={name},OU=Contacts,DC=corp,DC=example",
        "corp.example",
        person(name, **fields),
        manager_guid,
    )


async def synced(caller: Caller, name: str = "Ivo Horvat") -> Document:
    """Create a synced contact with this name and return it as stored."""
    each = directory_contact(name)
    await apply(caller, [each])
    found = await contacts.by_address(caller.db, str(each.fields["emailAddress"]))
    assert found is not None
    return found
