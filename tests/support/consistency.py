"""Checks that derived data agree with a full scan."""

from collections import Counter

from storage import statistics
from storage.documents import GALS, SOURCES
from storage.driver import Database
from storage.keys import addresses, keys


async def check(db: Database) -> None:
    """Check that statistics, claims, member counts, keys and references agree with the contacts and groups."""
    contacts = {each["_id"]: each async for each in db.contacts.find()}
    groups = {each["_id"]: each async for each in db.groups.find()}
    kinds = Counter((each["source"], each["gal"]) for each in contacts.values())
    assert await statistics.read(db) == {(source, gal): kinds[source, gal] for source in SOURCES for gal in GALS}

    claimed = {f"smtp:{a}": each["_id"] for each in (*contacts.values(), *groups.values()) for a in addresses(each)}
    claimed |= {
        f"guid:{each['onPremises']['objectGuid']}": each["_id"]
        for each in (*contacts.values(), *groups.values())
        if "onPremises" in each
    }
    assert {each["_id"]: each["holder"] async for each in db.claims.find()} == claimed

    members = Counter(group for each in contacts.values() for group in each.get("groupIds", ()))
    assert {name: group["memberCount"] for name, group in groups.items()} == {name: members[name] for name in groups}
    assert members.keys() <= groups.keys()
    assert {each["managerId"] for each in contacts.values() if "managerId" in each} <= contacts.keys()
    assert all(each["keys"].items() >= keys(each).items() for each in contacts.values())
    assert {each["contactId"] async for each in db.history.find({"action": "CREATED"})} >= contacts.keys()
