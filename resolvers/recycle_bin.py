"""Which contacts can be deleted, and what happens to managers and reports when contacts are deleted and restored."""

from collections.abc import Mapping, Sequence

from resolvers import mastery
from resolvers.caller import Caller
from resolvers.errors import NotFound, Problem, VersionConflict
from storage import changes, contacts, groups
from storage.changes import Change
from storage.documents import Document
from storage.driver import Session


def expect_version(current: Document, version: int | None) -> None:
    """Raise `VersionConflict` unless the contact has this version. `None` allows any version."""
    if version is not None and current["version"] != version:
        raise VersionConflict(current, version)


async def deletion(
    caller: Caller, ids: Sequence[str], versions: Mapping[str, int | None], session: Session
) -> tuple[Sequence[Change], Mapping[str, Problem]]:
    """The changes that delete those of these contacts that may be deleted, and why the others may not."""
    found = await contacts.get_many(caller.db, ids, session)
    reports = await contacts.reports_of(caller.db, ids, session)
    locked = {each["managerId"]: each for each in reports if not mastery.is_editable(each)}
    problems: dict[str, Problem] = {}
    for identifier in ids:
        contact = found.get(identifier)
        if problem := await _undeletable(caller, identifier, contact, locked, versions.get(identifier)):
            problems[identifier] = problem
    going = [found[identifier] for identifier in ids if identifier not in problems]
    return leaving(caller, going, reports), problems


async def departure(caller: Caller, going: Sequence[Document], session: Session) -> Sequence[Change]:
    """The changes that delete these contacts and remove them as managers of their reports."""
    reports = await contacts.reports_of(caller.db, [each["_id"] for each in going], session)
    return leaving(caller, going, reports)


def leaving(caller: Caller, going: Sequence[Document], reports: Sequence[Document]) -> Sequence[Change]:
    """Like `departure`, if the reports have already been read."""
    ids = {contact["_id"] for contact in going}
    left = [report for report in reports if report["managerId"] in ids and report["_id"] not in ids]
    # Reports that are deleted along with their manager are recorded, too, because both may be restored.
    reporting: dict[str, list[str]] = {}
    for report in reports:
        reporting.setdefault(report["managerId"], []).append(report["_id"])
    at = caller.clock()
    return [
        *(changes.deleted(each, reporting.get(each["_id"], ())) for each in going),
        *(changes.orphaned(report, at) for report in left),
    ]


async def restoration(caller: Caller, entry: Document, session: Session) -> Sequence[Change]:
    """The changes that restore a deleted contact: first the contact itself, then its former reports."""
    db, at = caller.db, caller.clock()
    contact: Document = dict(entry["contact"])
    contact["groupIds"] = list(await groups.get_many(db, contact.get("groupIds", ()), session))
    if not contact["groupIds"]:
        del contact["groupIds"]
    manager = contact.get("managerId")
    above = await contacts.managers_above(db, [manager], session) if manager else {}
    if manager and not await contacts.get(db, manager, session):
        del contact["managerId"]
    reports = await contacts.get_many(db, entry["reportIds"], session)
    orphans = [
        report
        for report in reports.values()
        if report["source"] == "CLOUD" and "managerId" not in report and report["_id"] not in above
    ]
    return [
        changes.restored(contact, at),
        *(changes.updated(each, {**each, "managerId": contact["_id"]}, at) for each in orphans),
    ]


async def _undeletable(
    caller: Caller,
    identifier: str,
    contact: Document | None,
    locked: Mapping[str, Document],
    expected_version: int | None,
) -> Problem | None:
    """Why this contact cannot be deleted, or None. `locked`: a synced report of each manager that has one."""
    if contact is None:
        return NotFound("contact", identifier)
    if not caller.author.is_sync:
        if not mastery.is_editable(contact):
            return await mastery.contact_read_only(caller, contact)
        if identifier in locked:
            return await mastery.contact_read_only(caller, locked[identifier], manager=contact)
    try:
        expect_version(contact, expected_version)
    except VersionConflict as problem:
        return problem
    return None
