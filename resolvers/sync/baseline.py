"""What a run starts from: the objects already synced, and the last high-watermark."""

from collections.abc import Mapping
from dataclasses import dataclass

from resolvers.caller import Caller
from storage.documents import Document
from storage.sync import objects, runs, state


@dataclass(frozen=True, slots=True)
class SyncedContacts:
    """Synced contacts by objectGUID. Each is its `onPremises` plus `id`, and `managerId` if its manager is here.

    `cloud_only`: the objectGUIDs of contacts that were made cloud-only, which runs ignore.
    """

    contacts: Mapping[str, Document]
    cloud_only: frozenset[str]

    def waiting(self) -> dict[str, str]:
        """The contacts whose manager was missing when they were read: manager objectGUIDs by contact objectGUID."""
        return {
            guid: contact["managerGuid"]
            for guid, contact in self.contacts.items()
            if contact.get("managerGuid") and "managerId" not in contact
        }


async def known_contacts(caller: Caller) -> SyncedContacts:
    """All synced contacts, and the objectGUIDs of those that were made cloud-only."""
    found = await objects.contacts(caller.db)
    return SyncedContacts(
        {each["onPremises"]["objectGuid"]: _flat(each) for each in found},
        frozenset(await objects.cloud_only(caller.db)),
    )


async def known_groups(caller: Caller) -> Mapping[str, Document]:
    """The synced groups by objectGUID, each as its `onPremises`."""
    return {each["onPremises"]["objectGuid"]: each["onPremises"] for each in await objects.groups(caller.db)}


async def last_mark(caller: Caller) -> Document | None:
    """The mark of the last completed run: `{invocationId, usn, server}`."""
    return await state.mark(caller.db)


async def last_ended_well(caller: Caller, before: str) -> bool:
    """Whether the last writing run before this one succeeded, so that no work is half done."""
    last = await runs.last_writing(caller.db, before)
    return last is not None and last["status"] == "SUCCEEDED"


def _flat(contact: Document) -> Document:
    managed = {"managerId": contact["managerId"]} if "managerId" in contact else {}
    return {**contact["onPremises"], "id": contact["_id"], **managed}
