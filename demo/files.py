"""Reads the files of the demo data."""

import csv
import io
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from resolvers.sync.contacts import DirectoryContact

_FOLDER = files("demo")


@dataclass(frozen=True, slots=True)
class OnPremises:
    """An on-premises domain: its contacts, and the objectGUIDs of the members of each distribution group."""

    domain: str
    server: str
    contacts: Sequence[DirectoryContact]
    members: Mapping[str, Sequence[str]]


def groups() -> Sequence[Mapping[str, str]]:
    """The fields of the distribution groups."""
    rows = csv.DictReader(_lines(_read("groups.csv")))
    return [
        {"displayName": row["Name"], "emailAddress": row["EmailAddress"], "description": row["Description"]}
        for row in rows
    ]


def on_premises() -> OnPremises:
    """The contacts that are managed in Active Directory."""
    found = json.loads(_read("onpremises.json"))
    members: dict[str, list[str]] = {}
    for each in found["contacts"]:
        for name in each.get("groups", ()):
            members.setdefault(name, []).append(each["objectGuid"])
    contacts = [
        DirectoryContact(
            each["objectGuid"], each["distinguishedName"], found["domain"], each["fields"], each.get("managerGuid")
        )
        for each in found["contacts"]
    ]
    return OnPremises(found["domain"], found["server"], contacts, members)


def contacts() -> bytes:
    """The cloud-only contacts as a CSV file like an export."""
    return _read("contacts.csv")


def rows(content: bytes) -> Sequence[Mapping[str, str]]:
    """The rows of a CSV file of contacts."""
    return list(csv.DictReader(_lines(content)))


def addresses(content: bytes) -> set[str]:
    """The primary addresses in a CSV file of contacts."""
    return {row["EmailAddress"] for row in rows(content)}


def without(content: bytes, excluded: Collection[str]) -> bytes:
    """A CSV file of contacts without those with these primary addresses. Empty if no contacts are left."""
    kept = [row for row in rows(content) if row["EmailAddress"] not in excluded]
    if not kept:
        return b""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(kept[0]))
    writer.writeheader()
    writer.writerows(kept)
    return text.getvalue().encode()


def _read(name: str) -> bytes:
    return _FOLDER.joinpath(name).read_bytes()


def _lines(content: bytes) -> io.StringIO:
    return io.StringIO(content.decode(), newline="")
