"""Idempotency keys: a repeated request gets the first result, and its change is made once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from resolvers import contacts, groups
from resolvers.caller import Caller
from resolvers.errors import (
    ContactReadOnly,
    EmailAddressTaken,
    IdempotencyKeyInUse,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    InvalidInput,
    NotFound,
    Problem,
)
from resolvers.idempotency import keyed
from resolvers.imports import jobs
from resolvers.imports.options import Options
from resolvers.sync.cloud_only import make_cloud_only
from resolvers.sync.control import start
from storage.changes import Author
from storage.documents import Document
from storage.driver import Database, connect
from storage.lease import Lease, LeaseLost
from storage.requests import idempotency
from storage.sync import schedule
from tests.support.consistency import check
from tests.support.environment import DRIVER
from tests.support.idempotency import a_minute_passes, retrying, running
from tests.support.people import person, synced

Call = Callable[[Caller], Awaitable[Any]]


async def twice(caller: Caller, call: Call) -> tuple[Any, Any]:
    """What a request returns at first, and when it is repeated with its key. It leaves one entry in the audit log."""
    own = retrying(caller)
    before = await caller.db.audit.count_documents({})
    first = await call(own)
    second = await call(own)
    assert await caller.db.audit.count_documents({}) == before + 1
    return first, second


def shown(document: Document) -> Document:
    """A contact or group without what it is found by."""
    return {name: value for name, value in document.items() if name != "keys"}


def facts(problems: Any) -> dict[str, tuple[str, str]]:
    """The codes and messages of problems, by contact ID."""
    return {identifier: (problem.code, problem.message) for identifier, problem in problems.items()}


async def test_a_repeated_create_makes_one_contact(caller: Caller) -> None:
    """The second request gets the contact of the first."""
    first, second = await twice(caller, lambda own: contacts.create_contact(own, person()))
    assert second == first
    assert await caller.db.contacts.count_documents({}) == 1


async def test_a_repeated_update_returns_what_the_first_one_made(caller: Caller) -> None:
    """The second request gets the contact as it was after the first, and does not undo what came later."""
    own, made = retrying(caller), await contacts.create_contact(caller, person())
    first = await contacts.update_contact(own, made["_id"], {"company": "Acme"}, 1)
    await contacts.update_contact(caller, made["_id"], {"company": "Other"})
    assert await contacts.update_contact(own, made["_id"], {"company": "Acme"}, 1) == shown(first)
    found = await contacts.get_contact(caller, made["_id"])
    assert found is not None
    assert (found["company"], found["version"]) == ("Other", 3)


async def test_a_repeated_update_that_changes_nothing(caller: Caller) -> None:
    """An update that changed nothing is a result, too."""
    made = await contacts.create_contact(caller, person())
    own = retrying(caller)
    for _ in range(2):
        same = await contacts.update_contact(own, made["_id"], {"lastName": made["lastName"]})
        assert same["version"] == 1
        await contacts.update_contact(caller, made["_id"], {"company": "Acme"})


async def test_a_repeated_deletion_and_restoration(caller: Caller) -> None:
    """A contact that is gone, or back, because of the first request is no reason to refuse the second."""
    made = await contacts.create_contact(caller, person())
    await twice(caller, lambda own: contacts.delete_contact(own, made["_id"]))
    first, second = await twice(caller, lambda own: contacts.restore_contact(own, made["_id"]))
    assert second == shown(first)
    assert second["version"] == 2


async def test_a_repeated_bulk_deletion_has_the_same_refusals(caller: Caller) -> None:
    """The second request names the same contacts and reasons."""
    made = await contacts.create_contact(caller, person())
    locked = await synced(caller_of_sync(caller))
    ids = [made["_id"], locked["_id"], "unknown"]
    first, second = await twice(caller, lambda own: contacts.delete_contacts(own, ids))
    assert (second.deleted, facts(second.problems)) == (first.deleted, facts(first.problems))
    assert second.deleted == [made["_id"]]
    problem = second.problems[locked["_id"]]
    assert isinstance(problem, ContactReadOnly)
    assert problem.contact["displayName"] == locked["displayName"]


async def test_repeated_changes_of_groups(caller: Caller) -> None:
    """Each change of a group is made once."""
    member = await contacts.create_contact(caller, person())
    fields = {"displayName": "Partners", "emailAddress": "partners@us.example"}
    first, second = await twice(caller, lambda own: groups.create_group(own, fields))
    assert second == shown(first)
    group = first["_id"]
    first, second = await twice(caller, lambda own: groups.update_group(own, group, {"displayName": "Others"}, 1))
    assert second == shown(first)
    ids = [member["_id"], "unknown"]
    for change in (groups.add_contacts, groups.remove_contacts):
        first, second = await twice(caller, lambda own, change=change: change(own, group, ids))  # type: ignore[misc]
        assert second == replace(first, group=shown(first.group))
        assert (second.changed, second.unknown_ids) == (1, ["unknown"])
    await twice(caller, lambda own: groups.delete_group(own, group))
    await check(caller.db)


async def test_repeated_administration(caller: Caller) -> None:
    """A sync is queued once, and contacts are made cloud-only once."""
    await schedule.confirm(caller.db, "dc.example", 30)
    first, second = await twice(caller, start)
    assert second == first
    locked = await synced(caller_of_sync(caller))
    own = await contacts.create_contact(caller, person("Ben Li"))
    ids = [locked["_id"], own["_id"], "unknown"]
    first, second = await twice(caller, lambda own: make_cloud_only(own, ids))
    assert [each["_id"] for each in second.contacts] == [each["_id"] for each in first.contacts] == [locked["_id"]]
    assert facts(second.problems) == facts(first.problems)
    problem = second.problems[own["_id"]]
    assert isinstance(problem, InvalidInput)
    assert problem.fields[0].code == "NOT_SYNCED"


async def test_a_repeated_cancellation(caller: Caller) -> None:
    """An import is canceled once. Its state is the current one."""
    job, _ = await jobs.start_rows(caller, [person()], Options())
    first, second = await twice(caller, lambda own: jobs.cancel(own, job["_id"]))
    assert second == first
    assert second["cancelRequested"]


async def test_requests_without_a_key_are_independent(caller: Caller) -> None:
    """Without a key, nothing is stored, and the same request is made again."""
    made = await contacts.create_contact(caller, person())
    await contacts.delete_contact(caller, made["_id"])
    await contacts.create_contact(caller, person())
    assert await caller.db.idempotency_keys.count_documents({}) == 0


async def test_many_at_once_make_one_contact(caller: Caller, mongodb_uri: str, database_name: str) -> None:
    """Of many concurrent requests with one key, in two clients, one makes the contact. The others wait or get it."""
    other = connect(mongodb_uri, database_name, DRIVER)
    callers = [retrying(each, "one") for each in (caller, replace(caller, db=other)) for _ in range(10)]
    try:
        outcomes = await asyncio.gather(
            *(contacts.create_contact(each, person()) for each in callers), return_exceptions=True
        )
        made = [each for each in outcomes if isinstance(each, dict)]
        assert made
        assert all(isinstance(each, dict | IdempotencyKeyInUse) for each in outcomes), outcomes
        again = await asyncio.gather(*(contacts.create_contact(each, person()) for each in callers))
    finally:
        await other.close()
    assert {each["_id"] for each in (*made, *again)} == {made[0]["_id"]}
    assert await caller.db.contacts.count_documents({}) == await caller.db.audit.count_documents({}) == 1


async def test_a_key_in_use_is_refused(caller: Caller) -> None:
    """While the first request runs, the second is refused. It can be made when the first has failed."""
    own = retrying(caller)
    assert own.key is not None
    async with running(caller.db, own.author.id, own.key):
        with pytest.raises(IdempotencyKeyInUse):
            await contacts.create_contact(own, person())
    await contacts.create_contact(own, person())


async def test_a_key_is_free_a_minute_after_its_process_died(caller: Caller) -> None:
    """A request that was never completed can be made again. If its process comes back to life, it changes nothing."""
    own = retrying(caller)
    assert own.key is not None
    lease = await idempotency.claim(caller.db, own.author.id, own.key)
    with pytest.raises(IdempotencyKeyInUse):
        await contacts.create_contact(own, person())
    assert isinstance(lease, Lease)
    assert lease.seconds == 60
    await a_minute_passes(caller.db)
    made = await contacts.create_contact(own, person())
    await idempotency.free(lease)
    with pytest.raises(LeaseLost):
        await caller.db.transaction(lambda session: idempotency.complete(lease, "", {}, session))
    assert await contacts.create_contact(own, person()) == made


async def test_a_halted_process_changes_nothing(caller: Caller) -> None:
    """A request whose key was taken over while it ran writes nothing, since someone else is making it."""
    own = retrying(caller)

    async def halted() -> AsyncIterator[bytes]:
        yield b"DisplayName,EmailAddress,FirstName,LastName\n"
        await a_minute_passes(caller.db)
        assert own.key is not None
        assert isinstance(await idempotency.claim(caller.db, own.author.id, own.key), Lease)
        yield b"Ana Silva,ana@acme.example,Ana,Silva\n"

    with pytest.raises(IdempotencyKeyInUse):
        await jobs.start_csv(own, halted(), Options())
    assert await caller.db.imports.count_documents({}) == await caller.db.upload_files.count_documents({}) == 0


async def test_another_request_with_the_same_key_is_refused(caller: Caller) -> None:
    """A key belongs to its request: other values or another operation are refused, and nothing is changed."""
    own = retrying(caller)
    made = await contacts.create_contact(own, person())
    others: list[Call] = [
        lambda own: contacts.create_contact(own, person("Ben Li")),
        lambda own: contacts.delete_contact(own, made["_id"]),
        lambda own: groups.create_group(own, person()),
    ]
    for other in others:
        with pytest.raises(IdempotencyKeyReused, match="new key"):
            await other(own)
    assert await caller.db.contacts.count_documents({}) == 1


async def test_a_refused_request_does_not_use_up_its_key(caller: Caller) -> None:
    """The same key can be sent with corrected values, and when the reason for a refusal is gone."""
    taken = await contacts.create_contact(caller, person())
    own = retrying(caller)
    refused: list[tuple[Call, type[Problem]]] = [
        (lambda own: contacts.create_contact(own, {}), InvalidInput),
        (lambda own: contacts.create_contact(own, person()), EmailAddressTaken),
        (lambda own: contacts.delete_contact(own, "unknown"), NotFound),
        (lambda own: groups.delete_group(own, "unknown"), NotFound),
        (lambda own: jobs.cancel(own, "unknown"), NotFound),
        (lambda own: jobs.undo(own, "unknown"), NotFound),
    ]
    for call, problem in refused:
        with pytest.raises(problem):
            await call(own)
    await contacts.delete_contact(caller, taken["_id"])
    assert (await contacts.create_contact(own, person()))["_id"] != taken["_id"]


async def test_keys_belong_to_their_callers(caller: Caller) -> None:
    """Two people can use the same key."""
    other = replace(caller, author=Author("other", "graphql", "other-id"))
    first = await contacts.create_contact(retrying(caller, "1"), person())
    second = await contacts.create_contact(retrying(other, "1"), person("Ben Li"))
    assert first["_id"] != second["_id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", "a\x7f", "ä"])
def test_invalid_keys(caller: Caller, key: str) -> None:
    """A key is refused that is empty, too long, or has characters that not every header can have."""
    with pytest.raises(IdempotencyKeyInvalid, match="1 to 255"):
        keyed(caller, key)


def test_valid_keys(caller: Caller) -> None:
    """A key can have any printable ASCII characters. None is no key."""
    assert keyed(caller, "x" * 255).key == "x" * 255
    assert keyed(caller, 'a "b" ~').key == 'a "b" ~'
    assert keyed(caller, None) is caller


async def test_keys_are_removed_after_a_day(caller: Caller, db: Database) -> None:
    """A TTL index removes a key 24 hours after its request was made."""
    before = caller.clock()
    await contacts.create_contact(retrying(caller), person())
    stored = await db.idempotency_keys.find_one({})
    assert stored is not None
    assert 23.9 < (stored["purgeAt"] - before).total_seconds() / 3600 < 24.1
    assert stored["callerId"] == "tester-id"
    assert "lease" not in stored
    assert (await db.idempotency_keys.index_information())["purge"]["expireAfterSeconds"] == 0


def caller_of_sync(caller: Caller) -> Caller:
    """The sync."""
    return replace(caller, author=Author("Active Directory", "sync"))
