"""Outcomes of bulk changes as stored with an idempotency key: why contacts were left out, without whole contacts.

A thousand contacts can be larger than a document may be, so they are read again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from resolvers.caller import Caller
from resolvers.errors import ContactReadOnly, FieldProblem, InvalidInput, NotFound, Problem
from storage import contacts
from storage.documents import Document


def stored_problems(problems: Mapping[str, Problem]) -> list[Document]:
    """The problems, keyed by contact ID, as BSON can store them."""
    return [{"id": identifier, **_stored(problem)} for identifier, problem in problems.items()]


async def recall_problems(caller: Caller, stored: Iterable[Document]) -> dict[str, Problem]:
    """The stored problems. Contacts in them are as they are now; one that is gone by now is not found."""
    entries = list(stored)
    ids = {each["contactId"] for each in entries if "contactId" in each}
    found = await contacts.get_many(caller.db, ids)
    return {each["id"]: _recalled(each, found) for each in entries}


async def recall_contacts(caller: Caller, ids: Sequence[str]) -> list[Document]:
    """The contacts with these IDs as they are now, without those that are gone."""
    found = await contacts.get_many(caller.db, ids)
    return [found[each] for each in ids if each in found]


def _stored(problem: Problem) -> Document:
    match problem:
        case ContactReadOnly():
            return {"message": problem.message, "contactId": problem.contact["_id"]}
        case InvalidInput():
            return {"message": problem.message, "fields": [asdict(each) for each in problem.fields]}
        case _:
            return {"message": problem.message}


def _recalled(entry: Document, found: Mapping[str, Document]) -> Problem:
    if contact := found.get(entry.get("contactId", "")):
        problem = ContactReadOnly(contact, "")
        problem.message = entry["message"]
        return problem
    if "fields" in entry:
        return InvalidInput([FieldProblem(**each) for each in entry["fields"]])
    return NotFound("contact", entry["id"])
