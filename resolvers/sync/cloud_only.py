"""Makes synced contacts cloud-only: moves their mastery from Active Directory to the cloud, permanently."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resolvers import bulk
from resolvers.access import requires
from resolvers.caller import Caller, Role
from resolvers.commit import commit
from resolvers.contacts import bulk_ids
from resolvers.errors import FieldProblem, InvalidInput, NotFound, Problem
from resolvers.idempotency import complete, recalling
from resolvers.mastery import is_editable
from storage import changes, contacts
from storage.changes import Change
from storage.documents import Document
from storage.driver import Session
from storage.sync import objects


@dataclass(frozen=True, slots=True)
class CloudOnlyOutcome:
    """The contacts that were made cloud-only, and the problems of the others, by contact ID."""

    contacts: Sequence[Document]
    problems: Mapping[str, Problem]


async def _recall(caller: Caller, stored: Document) -> CloudOnlyOutcome:
    found = await bulk.recall_contacts(caller, stored["ids"])
    return CloudOnlyOutcome(found, await bulk.recall_problems(caller, stored["problems"]))


@requires(Role.ADMIN, "MAKE_CLOUD_ONLY")
@recalling(_recall)
async def make_cloud_only(caller: Caller, ids: Sequence[str]) -> CloudOnlyOutcome:
    """Turn synced contacts into cloud contacts, keeping all their data. Later runs ignore them.

    Requires an administrator. IDs that are unknown or belong to cloud contacts are reported in `problems`.
    """
    requested = bulk_ids("ids", ids)
    problems: dict[str, Problem] = {}
    found: dict[str, Document] = {}

    async def decide(session: Session) -> Sequence[Change]:
        problems.clear()
        found.clear()
        found.update(await contacts.get_many(caller.db, requested, session))
        problems.update({each: problem for each in requested if (problem := _problem(each, found.get(each)))})
        at = caller.clock()
        return [changes.made_cloud_only(found[each], at) for each in requested if each not in problems]

    async def also_write(session: Session) -> None:
        taken = {found[each]["onPremises"]["objectGuid"]: each for each in requested if each not in problems}
        await objects.remember_cloud_only(caller.db, taken, caller.author.name, caller.clock(), session)
        await complete(caller, {"ids": [*taken.values()], "problems": bulk.stored_problems(problems)}, session)

    written = await commit(caller, decide, also_write)
    return CloudOnlyOutcome([change.contact for change in written], problems)


def _problem(identifier: str, contact: Document | None) -> Problem | None:
    if contact is None:
        return NotFound("contact", identifier)
    if is_editable(contact):
        message = f"{identifier} is already a cloud contact. Remove this ID."
        return InvalidInput([FieldProblem("ids", "NOT_SYNCED", message)])
    return None
