"""Takes over the mastery of synced contacts: from Active Directory to the cloud, for good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resolvers.caller import Caller
from resolvers.commit import commit
from resolvers.contacts import bulk_ids
from resolvers.errors import FieldProblem, InvalidInput, NotFound, Problem
from resolvers.mastery import is_editable
from storage import changes, contacts
from storage.changes import Change
from storage.documents import Document
from storage.driver import Session
from storage.sync import objects


@dataclass(frozen=True, slots=True)
class CloudOnlyOutcome:
    """The contacts that are mastered in the cloud now, and why others are not, keyed by id."""

    contacts: Sequence[Document]
    problems: Mapping[str, Problem]


async def make_cloud_only(caller: Caller, ids: Sequence[str]) -> CloudOnlyOutcome:
    """Make synced contacts cloud contacts, with all they have; later cycles leave them alone.

    For administrators. What is a cloud contact already gets a problem, as does an id of no contact.
    """
    wanted = bulk_ids("ids", ids)
    problems: dict[str, Problem] = {}
    found: dict[str, Document] = {}

    async def decide(session: Session) -> Sequence[Change]:
        problems.clear()
        found.clear()
        found.update(await contacts.get_many(caller.db, wanted, session))
        problems.update({each: problem for each in wanted if (problem := _problem(each, found.get(each)))})
        at = caller.clock()
        return [changes.made_cloud_only(found[each], at) for each in wanted if each not in problems]

    async def beside(session: Session) -> None:
        taken = {found[each]["onPremises"]["objectGuid"]: each for each in wanted if each not in problems}
        await objects.remember_cloud_only(caller.db, taken, caller.author.name, caller.clock(), session)

    written = await commit(caller, decide, beside)
    return CloudOnlyOutcome([change.contact for change in written], problems)


def _problem(identifier: str, contact: Document | None) -> Problem | None:
    if contact is None:
        return NotFound("contact", identifier)
    if is_editable(contact):
        return InvalidInput([FieldProblem("ids", "NOT_SYNCED", f"{identifier} is mastered in the cloud already.")])
    return None
