"""Contacts through REST."""

from typing import Any

from httpx import AsyncClient

from resolvers.caller import Caller
from resolvers.sync import contacts as sync_contacts
from resolvers.sync.source import DirectoryContact
from storage import contacts

CONTACTS = "/api/identity/contacts"
ANA = {"displayName": "Ana Sample", "firstName": "Ana", "lastName": "Sample", "emailAddress": "ana@acme.example"}


async def create(client: AsyncClient, **fields: Any) -> dict[str, Any]:
    """Create a contact, Ana except for these fields."""
    answer = await client.post(CONTACTS, json={**ANA, **fields})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def synced(caller: Caller, address: str = "syn@ad.example") -> str:
    """The ID of a new synced contact."""
    guid = f"guid-{address}"
    fields = {"displayName": "Syn Chronised", "emailAddress": address}
    outcome = await sync_contacts.apply(
        caller, [DirectoryContact(guid, f"CN={address},DC=corp", "corp.example", fields)]
    )
    assert outcome.created == [guid]
    made = await contacts.by_address(caller.db, address)
    assert made is not None
    return str(made["_id"])


def path(contact: dict[str, Any]) -> str:
    """The path of a contact."""
    return f"{CONTACTS}/{contact['id']}"
