"""Takes over the mastery of synced contacts: from Active Directory to the cloud, for good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resolvers.caller import Directory
from resolvers.commit import commit
from resolvers.contacts import bulk_ids
from resolvers.errors import FieldProblem, InvalidInput, NotFound, Problem
from storage import changes, contacts
from storage.changes import Change
from storage.documents import Document
from storage.driver import Session
from storage.sync import objects


@dataclass(frozen=True, slots=True)
class HandOver:
    """The contacts that are mastered in the cloud now, and why others are not, keyed by id."""

    contacts: Sequence[Document]
    problems: Mapping[str, Problem]


async def make_cloud_only(directory: Directory, ids: Sequence[str]) -> HandOver:
    """Make synced contacts cloud contacts, with all they have; later cycles leave them alone.

    For administrators. What is a cloud contact already gets a problem, as does an id of no contact.
    """
    wanted = bulk_ids("ids", ids)
    problems: dict[str, Problem] = {}
    found: dict[str, Document] = {}

    async def decide(session: Session) -> Sequence[Change]:
        problems.clear()
        found.clear()
        found.update(await contacts.get_many(directory.db, wanted, session))
        problems.update({each: problem for each in wanted if (problem := _problem(each, found.get(each)))})
        at = directory.clock()
        return [changes.handed_over(found[each], at) for each in wanted if each not in problems]

    async def beside(session: Session) -> None:
        taken = {found[each]["onPremises"]["objectGuid"]: each for each in wanted if each not in problems}
        await objects.hand_over(directory.db, taken, directory.author.name, directory.clock(), session)

    written = await commit(directory, decide, beside)
    return HandOver([change.contact for change in written], problems)


def _problem(identifier: str, contact: Document | None) -> Problem | None:
    if contact is None:
        return NotFound("contact", identifier)
    if contact["source"] == "CLOUD":
        return InvalidInput([FieldProblem("ids", "NOT_SYNCED", f"{identifier} is mastered in the cloud already.")])
    return None
