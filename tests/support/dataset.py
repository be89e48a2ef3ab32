"""Contacts in any number, as the service itself would have stored them, written fast.

`python -m tests.support.dataset URI DATABASE COUNT` fills an empty database: contacts with their keys, address claims,
groups with exact member counts, and statistics. It writes no history. The same count gives the same contacts.
"""

# ruff: noqa: SIM905 - lists of words are easier to read as text

import asyncio
import itertools
import random
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pymongo import MongoClient
from pymongo.database import Database as SyncDatabase

from storage import migrations
from storage.documents import Document
from storage.driver import connect
from storage.keys import addresses, group_words, keys, sort_key

BATCH = 5_000
_EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
_FIRST = (
    "Ana Bram Chen Dilek Eero Fatima Goran Hana Ivo Jing Kofi Lena Maja Noor Olu Petra Quinn Rosa Sven Tariq Uma Viggo "
    "Wanda Ximena Yusuf Zoe Aarav Beatriz Cédric Dóra Élodie Freya Giulia Håkon Inés Jürgen"
).split()
_LAST = (
    "Ng Okafor Smith Silva Kowalski Tanaka Müller Garcia Ivanova Haddad Andersen Brown Costa Dubois Eriksson Fischer "
    "Greco Hansen Ito Jansen Khan Larsen Moreau Novak O'Brien Popescu Rossi Sato Thompson Weber Yılmaz Zhang"
).split()
_DEPARTMENTS = "Sales Procurement Finance Legal Operations Support Engineering Marketing Logistics Quality".split()
_TITLES = "Account Manager;Buyer;Engineer;Consultant;Director;Analyst;Assistant;Technician".split(";")
_COUNTRIES = "Netherlands Germany France Poland Spain Norway Japan Nigeria Brazil Türkiye".split()
_GROUPS = {"External Partners": 45, "Vendor Communications": 23, "Project Stakeholders": 12, "All Suppliers": 5_000}


def contacts(count: int) -> Iterator[Document]:
    """The contacts, complete with their keys."""
    rng = random.Random(7)
    memberships = _memberships(count, rng)
    managers: list[str] = []
    for number in range(count):
        contact = _contact(number, rng)
        if managers and rng.random() < 0.7:
            contact["managerId"] = rng.choice(managers)
        if len(managers) < 1_000 and rng.random() < 0.1:
            managers.append(contact["_id"])
        if joined := memberships.get(number):
            contact["groupIds"] = joined
        contact["keys"] = keys(contact)
        yield contact


def identifier(number: int, kind: int = 0) -> str:
    """The UUIDv7 of the contact with this number: one per minute since 2024."""
    milliseconds = int(_EPOCH.timestamp() * 1000) + number * 60_000
    tail = random.Random(number).getrandbits(60) << 2 | kind
    return str(UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62 | tail & (1 << 62) - 1))


def groups() -> list[Document]:
    """The distribution groups, without members."""
    found = []
    for number, name in enumerate(_GROUPS):
        address = f"{name.lower().replace(' ', '.')}@contoso.example"
        made = identifier(number, kind=1)
        found.append(
            {
                "_id": made,
                "displayName": name,
                "emailAddress": address,
                "description": f"Everyone in {name}.",
                "memberCount": 0,
                "version": 1,
                "createdAt": _EPOCH,
                "updatedAt": _EPOCH,
                "keys": {"name": sort_key(name, made), "words": group_words(name, address)},
            }
        )
    return found


def fill(uri: str, name: str, count: int) -> None:
    """Fill the database, then build its indexes. Does nothing if it already has this many contacts."""
    with MongoClient[Document](uri) as client:
        db = client[name]
        if db.contacts.estimated_document_count() < count:
            client.drop_database(name)
            _insert(db, count)
    asyncio.run(_prepare(uri, name))
    with MongoClient[Document](uri) as client:
        client[name].statistics.update_one({"_id": 0}, {"$set": _statistics(client[name])})


def _insert(db: SyncDatabase[Document], count: int) -> None:
    made = groups()
    sizes = {group["_id"]: 0 for group in made}
    for batch in _batches(contacts(count)):
        for each in batch:
            for joined in each.get("groupIds", ()):
                sizes[joined] += 1
        db.contacts.insert_many(batch, ordered=False)
        db.claims.insert_many([claim for each in batch for claim in _claims(each, "contact")], ordered=False)
    db.groups.insert_many({**group, "memberCount": sizes[group["_id"]]} for group in made)
    db.claims.insert_many([claim for group in made for claim in _claims(group, "group")])


async def _prepare(uri: str, name: str) -> None:
    db = connect(uri, name, "pymongo")
    await migrations.prepare(db)
    await db.close()


def _statistics(db: SyncDatabase[Document]) -> Document:
    kinds = db.contacts.aggregate([{"$group": {"_id": {"s": "$source", "g": "$gal"}, "n": {"$sum": 1}}}])
    return {f"{kind['_id']['s']}_{kind['_id']['g']}": kind["n"] for kind in kinds}


def _claims(holder: Document, kind: str) -> Iterator[Document]:
    for address in addresses(holder):
        yield {"_id": f"smtp:{address}", "holder": holder["_id"], "kind": kind}


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    rest = iter(documents)
    while batch := list(itertools.islice(rest, BATCH)):
        yield batch


def _memberships(count: int, rng: random.Random) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for group, size in zip(groups(), _GROUPS.values(), strict=True):
        for number in rng.sample(range(count), min(size, count // 2)):
            found.setdefault(number, []).append(group["_id"])
    return found


def _contact(number: int, rng: random.Random) -> Document:
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    # A few companies have many contacts, and many companies have few.
    company = int(rng.paretovariate(0.6)) % 50_000
    domain = f"company{company}.example"
    synced = rng.random() < 0.6
    phone = f"{rng.randrange(10**9):09d}"
    contact: Document = {
        "_id": identifier(number),
        "source": "SYNCED" if synced else "CLOUD",
        "gal": "HIDDEN" if rng.random() < 0.05 else "VISIBLE",
        "createdAt": _EPOCH + timedelta(minutes=number),
        "displayName": f"{first} {last}",
        "firstName": first,
        "lastName": last,
        "emailAddress": f"contact{number}@{domain}",
        "company": f"Company {company}",
        "jobTitle": rng.choice(_TITLES),
        "department": rng.choice(_DEPARTMENTS),
        "businessPhone": f"+31 {phone}",
        "businessPhoneE164": f"+31{phone}",
        "address": {
            "street": f"{number % 300 + 1} High Street",
            "city": "Leiden",
            "country": rng.choice(_COUNTRIES),
            "postalCode": f"{number % 9000 + 1000} AB",
        },
        "version": 1,
        "updatedAt": _EPOCH + timedelta(minutes=rng.randrange(1_500_000)),
    }
    if number % 3 == 0:
        contact["aliases"] = [f"alias{number}@{domain}"]
    if synced:
        contact["onPremises"] = {
            "objectGuid": identifier(number, kind=2),
            "distinguishedName": f"CN={first} {last} {number},OU=Contacts,DC=corp,DC=example",
            "domain": "corp.example",
            "lastSyncAt": _EPOCH,
        }
    return contact


if __name__ == "__main__":
    fill(sys.argv[1], sys.argv[2], int(sys.argv[3]))
