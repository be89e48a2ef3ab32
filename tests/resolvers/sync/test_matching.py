"""Soft matching: which cloud contacts become synced ones because of their address."""

from resolvers import contacts
from resolvers.caller import Caller
from resolvers.sync import contacts as sync_contacts
from resolvers.sync.cloud_only import make_cloud_only
from resolvers.sync.outcome import BatchOutcome, WriteOptions
from storage import recycle_bin
from tests.support.people import directory_contact, person

MATCHING = WriteOptions(soft_match=True)


def taken(outcome: BatchOutcome) -> list[tuple[str | None, str, str | None]]:
    """The objects that were skipped because of their address, and its holders."""
    return [(each.object_guid, each.code, each.holder_id) for each in outcome.skipped]


async def test_one_holder_matches_once(sync_caller: Caller, caller: Caller) -> None:
    """If two objects have the address of a cloud contact, the first one matches it and the other one is reported."""
    una = await contacts.create_contact(caller, person("Una Cloud", emailAddress="a@x.test"))
    ann = directory_contact("Ann", emailAddress="A@x.test")
    twin = directory_contact("Twin", emailAddress="a@x.test")
    outcome = await sync_contacts.apply(sync_caller, [ann, twin], MATCHING)
    assert (outcome.updated, outcome.created) == ([ann.object_guid], [])
    assert taken(outcome) == [(twin.object_guid, "EMAIL_ADDRESS_TAKEN", una["_id"])]


async def test_two_addresses_of_one_holder(sync_caller: Caller, caller: Caller) -> None:
    """An object can take the alias of a matched cloud contact if the matching object gives it up."""
    una = await contacts.create_contact(
        caller, person("Una Cloud", emailAddress="a@x.test", aliases=["b@x.test", "c@x.test"])
    )
    ann = directory_contact("Ann", emailAddress="a@x.test", aliases=["c@x.test"])
    bo, cy = directory_contact("Bo", emailAddress="b@x.test"), directory_contact("Cy", emailAddress="c@x.test")
    outcome = await sync_contacts.apply(sync_caller, [ann, bo, cy], MATCHING)
    assert (outcome.updated, outcome.created) == ([ann.object_guid], [bo.object_guid])
    assert taken(outcome) == [(cy.object_guid, "EMAIL_ADDRESS_TAKEN", una["_id"])]


async def test_alias_does_not_match(sync_caller: Caller, caller: Caller) -> None:
    """A cloud contact that has the address only as an alias does not match and is not changed."""
    una = await contacts.create_contact(caller, person("Una Cloud", emailAddress="a@x.test", aliases=["b@x.test"]))
    bo = directory_contact("Bo", emailAddress="b@x.test")
    outcome = await sync_contacts.apply(sync_caller, [bo], MATCHING)
    assert taken(outcome) == [(bo.object_guid, "EMAIL_ADDRESS_TAKEN", una["_id"])]
    assert (await contacts.get_contact(caller, una["_id"]) or {})["version"] == 1


async def test_cloud_only_contact_does_not_match(sync_caller: Caller, caller: Caller) -> None:
    """A contact that was made cloud-only remains cloud-only, even if another object has its address."""
    await sync_contacts.apply(sync_caller, [directory_contact("Ann", emailAddress="a@x.test")])
    ann = await contacts.contact_by_address(caller, "a@x.test") or {}
    await make_cloud_only(caller, [ann["_id"]])
    other = directory_contact("Other", emailAddress="a@x.test")
    outcome = await sync_contacts.apply(sync_caller, [other], MATCHING)
    assert taken(outcome) == [(other.object_guid, "EMAIL_ADDRESS_TAKEN", ann["_id"])]


async def test_own_past_comes_before_a_match(sync_caller: Caller, caller: Caller) -> None:
    """An undeleted object is restored as its own contact, not matched with the cloud contact that has its address."""
    ann = directory_contact("Ann", emailAddress="a@x.test")
    await sync_contacts.apply(sync_caller, [ann])
    identifier = (await contacts.contact_by_address(caller, "a@x.test") or {})["_id"]
    await sync_contacts.remove(sync_caller, [ann.object_guid])
    una = await contacts.create_contact(caller, person("Una Cloud", emailAddress="a@x.test"))
    assert taken(await sync_contacts.apply(sync_caller, [ann], MATCHING)) == [
        (ann.object_guid, "EMAIL_ADDRESS_TAKEN", una["_id"])
    ]
    await contacts.delete_contact(caller, una["_id"])
    assert (await sync_contacts.apply(sync_caller, [ann], MATCHING)).created == [ann.object_guid]
    assert await contacts.get_contact(caller, identifier)
    assert await recycle_bin.get(caller.db, identifier) is None
