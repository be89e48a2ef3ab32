"""Who holds an address: one document per claimed address, keyed by it and written in its holder's transaction.

`{_id: "smtp:ana@acme.example", holder: <id>, kind: "contact" | "group"}`. Because `_id` is unique, an address belongs
to one holder in the whole directory: contacts and groups, primary addresses and aliases. This also works on a sharded
cluster, where a unique index on the contacts would have to start with the shard key. A synced contact or group claims
its objectGUID in the same way (`"guid:…"`), so that a directory object becomes only one contact.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pymongo.errors import BulkWriteError

from storage.documents import Document
from storage.driver import Database, Session
from storage.keys import address_key, addresses
from storage.lists import find_command

Kind = Literal["contact", "group"]
_ADDRESSES_A_QUERY = 10_000
_SMTP = len("smtp:")


@dataclass
class Taken(Exception):
    """Raised when a claim belongs to another holder. `value` is the address or objectGUID."""

    value: str


@dataclass(frozen=True, slots=True)
class Holder:
    """The contact or group that holds an address."""

    id: str
    kind: Kind


def moved(before: Document | None, after: Document | None, kind: Kind) -> tuple[list[Document], list[Document]]:
    """The claims that a holder gives up, and those that it takes, when it changes from `before` to `after`."""
    old, new = _claims(before), _claims(after)
    given_up = [{"_id": claim, "holder": before["_id"]} for claim in old - new] if before else []
    taken = [{"_id": claim, "holder": after["_id"], "kind": kind} for claim in new - old] if after else []
    return given_up, taken


async def move(db: Database, given_up: Sequence[Document], taken: Sequence[Document], session: Session) -> None:
    """Give up claims, then take others. Raises `Taken`."""
    if given_up:
        await db.claims.delete_many({"_id": {"$in": [claim["_id"] for claim in given_up]}}, session=session)
    if taken:
        try:
            await db.claims.insert_many(taken, session=session)
        except BulkWriteError as error:
            raise _taken(error) from error


async def holders(db: Database, some: Iterable[str], session: Session | None = None) -> dict[str, Holder]:
    """The holders of these addresses, keyed by `address_key`. Free addresses are left out."""
    claimed = [f"smtp:{address_key(address)}" for address in some]
    found: dict[str, Holder] = {}
    for start in range(0, len(claimed), _ADDRESSES_A_QUERY):
        ids = claimed[start : start + _ADDRESSES_A_QUERY]
        claims = await find_command.find(db.claims, {"_id": {"$in": ids}}, limit=len(ids), session=session)
        found |= {claim["_id"][_SMTP:]: Holder(claim["holder"], claim["kind"]) for claim in claims}
    return found


async def synced_ids(
    db: Database, guids: Iterable[str], session: Session | None = None, kind: Kind = "contact"
) -> dict[str, str]:
    """The IDs of the contacts or groups synced from these directory objects, keyed by objectGUID."""
    claimed = [f"guid:{guid}" for guid in guids]
    query = {"_id": {"$in": claimed}, "kind": kind}
    found = await find_command.find(db.claims, query, limit=len(claimed) or 1, session=session)
    return {claim["_id"].removeprefix("guid:"): claim["holder"] for claim in found}


def _claims(holder: Mapping[str, object] | None) -> set[str]:
    if holder is None:
        return set()
    claims = {f"smtp:{address}" for address in addresses(holder)}
    match holder.get("onPremises"):
        case {"objectGuid": guid}:
            claims.add(f"guid:{guid}")
    return claims


def _taken(error: BulkWriteError) -> Exception:
    failure = error.details["writeErrors"][0]
    if failure["code"] != 11000:
        return error
    return Taken(failure["op"]["_id"].partition(":")[2])
